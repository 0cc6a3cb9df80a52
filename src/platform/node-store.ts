// Downloads in a folder, in Node, Deno and Bun. A file of `https://host/a/b` is `https--host/a/b`, and what is kept beside it has a name
// with `%` in it, which no file has: `b%entry` (what is known of it: without it, it is not believed), `b%part` and `b%facts` (a
// download that has not ended, and of what), `b%lock` (somebody is at work on it).
import type { Dirent, Stats } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { throwIfAborted, WasmformerError } from '../errors';
import { writeError } from '../io/file-output';
import {
  isSameContent,
  unlessDownloading,
  type FileFacts,
  type Hasher,
  type Incoming,
  type ListedFile,
  type Store,
  type Stored,
  type StoredFile,
} from '../io/cache/store';
import { builtin, call, codeOf } from './builtins-node';
import { nodeFiles } from './files-node';
import { makeFolder } from './output-node';

/** How often a lock's holder shows that it lives, and when it counts as gone, in milliseconds. */
const BEAT_MS = 2_000;
const GONE_MS = 20_000;
/** How often a lock is tried. */
const POLL_MS = 100;

type Entry = Omit<StoredFile, 'touched'> & { readonly modified: number };

function environment(name: string): string | undefined {
  try {
    return process.env[name] || undefined;
  } catch {
    // Deno without the permission
    return undefined;
  }
}

/** What the environment says of the Hub, as Python's huggingface_hub reads it. */
export function hubSettings(): { token?: string; localFilesOnly: boolean } {
  const offline = environment('HF_HUB_OFFLINE')?.toUpperCase() ?? '';
  return { token: environment('HF_TOKEN'), localFilesOnly: ['1', 'ON', 'YES', 'TRUE'].includes(offline) };
}

/** Where downloads are kept, if the caller names no folder. */
function defaultFolder(): string {
  const own = environment('WASMFORMER_CACHE');
  if (own) return resolve(own);
  const base =
    environment('XDG_CACHE_HOME') ??
    (process.platform === 'win32' ? environment('LOCALAPPDATA') : undefined) ??
    join(environment('HOME') ?? environment('USERPROFILE') ?? '.', '.cache');
  return join(base, 'wasmformer');
}

/** @param folder path or file URL; undefined: as the environment says */
export async function openStore(folder?: string): Promise<Store | undefined> {
  if (folder === undefined) return new FolderStore(defaultFolder());
  return new FolderStore(/^file:/i.test(folder) ? fileURLToPath(folder) : resolve(folder));
}

export async function createHasher(): Promise<Hasher> {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}

/** Bytes of a body that may wait to be used. */
const AHEAD = 16 * 1024 * 1024;
const waitsBadly = Number(process.versions.undici?.split('.')[0]) < 8;

/**
 * The answer, its body being read as it arrives. The fetch of Node 22 and 24 ends the process when a server closes the connection
 * behind a body that waits to be read (undici issue 5360): up to 16 MB are taken before they are asked for, and the last 16 always.
 */
export function readAhead(response: Response): Response {
  const { body, status, headers } = response;
  // a fetch of the user's own may give a body of another kind
  if (!waitsBadly || typeof body?.getReader !== 'function') return response;
  const reader = body.getReader();
  let left = Number(headers.get('content-length') ?? Infinity);
  let goOn = (): void => {};
  const source: UnderlyingDefaultSource<Uint8Array> = {
    start(controller) {
      const untilRead = () => new Promise<void>((resolve) => (goOn = resolve));
      const take = async (): Promise<void> => {
        for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
          controller.enqueue(value!);
          left -= value!.byteLength;
          if (controller.desiredSize! <= 0 && left > AHEAD) await untilRead();
        }
        controller.close();
      };
      take().catch(async (error: unknown) => {
        // what came before is not lost
        while (controller.desiredSize! < AHEAD) await untilRead();
        controller.error(error);
      });
    },
    pull: () => goOn(),
    cancel: (reason) => reader.cancel(reason),
  };
  const queue = new ByteLengthQueuingStrategy({ highWaterMark: AHEAD });
  return new Response(new ReadableStream(source, queue), { status, headers });
}

class FolderStore implements Store {
  constructor(readonly place: string) {}

  async find(url: string): Promise<Stored | undefined> {
    const path = this.pathOf(url);
    const entry = await readJson<Entry | Stored>(`${path}%entry`);
    if (!entry || entry.url !== url) return undefined;
    if ('absent' in entry) return entry;
    const found = await stat(path);
    if (!found || found.size !== entry.size) return undefined;
    const { modified, ...file } = entry as Entry;
    return found.mtimeMs === modified ? file : { ...file, touched: true };
  }

  async open(file: StoredFile): ReturnType<Store['open']> {
    try {
      return await nodeFiles.open(this.pathOf(file.url));
    } catch (cause) {
      const why = codeOf(cause) === 'ENOENT' ? 'was removed' : 'cannot be read';
      throw new WasmformerError(
        'INVALID_FILE',
        `${file.url} ${why} from the cache (${this.place}) while it was in use: load the model again`,
        { cause },
      );
    }
  }

  async begin(url: string, facts: FileFacts): Promise<Incoming> {
    const path = this.pathOf(url);
    const part = `${path}%part`;
    return this.writing(async () => {
      const fs = await builtin('node:fs');
      await makeFolder(dirname(path));
      const earlier = await readJson<FileFacts>(`${path}%facts`);
      const found = await stat(part);
      const fits = earlier && found && isSameContent(earlier, facts) && found.size <= (facts.size ?? -1);
      if (!fits) await writeJson(`${path}%facts`, { url, ...facts });
      const descriptor = await call<number>((done) => fs.open(part, fits ? 'r+' : 'w+', done));
      return new IncomingFile(this, path, descriptor, fits ? found.size : 0);
    });
  }

  async recordAbsent(url: string, facts: Pick<FileFacts, 'commit' | 'freshUntil'>): Promise<void> {
    await this.writing(async () => {
      const path = this.pathOf(url);
      await makeFolder(dirname(path));
      await writeJson(`${path}%entry`, { url, absent: true, ...facts });
    });
  }

  async trust(file: StoredFile): Promise<void> {
    const path = this.pathOf(file.url);
    const found = await stat(path);
    // a cache that may only be read is compared every time
    if (found)
      await writeJson(`${path}%entry`, { ...file, touched: undefined, modified: found.mtimeMs }).catch(() => undefined);
  }

  async remove(url: string): Promise<number> {
    const path = this.pathOf(url);
    return this.removeFiles(path, [`${path}%entry`, path, `${path}%part`, `${path}%facts`]);
  }

  /** What is ours: the folder may be one that others use. */
  async clear(): Promise<number> {
    const fs = await builtin('node:fs');
    const entriesOf = (folder: string): Promise<Dirent[]> =>
      call<Dirent[]>((done) => fs.readdir(folder, { withFileTypes: true }, done)).catch(() => []);
    const walk = async (folder: string): Promise<number> => {
      let freed = 0;
      const files = new Map<string, string[]>();
      for (const entry of await entriesOf(folder)) {
        const name = join(folder, entry.name);
        const path = name.replace(/%(entry|part|facts|lock)(\.[\d-]+)?$/, '');
        if (entry.isDirectory()) freed += await walk(name);
        else files.set(path, [...(files.get(path) ?? []), name]);
      }
      // `%entry` sorts behind the file itself, and goes first
      for (const [path, names] of files) freed += await this.removeFiles(path, names.sort().reverse());
      await call((done) => fs.rmdir(folder, done)).catch(() => undefined);
      return freed;
    };
    let freed = 0;
    for (const { name } of await entriesOf(this.place))
      if (/^https?--/.test(name)) freed += await walk(join(this.place, name));
    return freed;
  }

  async list(): Promise<ListedFile[]> {
    const listed: ListedFile[] = [];
    const fs = await builtin('node:fs');
    const walk = async (folder: string): Promise<void> => {
      const entries = await call<Dirent[]>((done) => fs.readdir(folder, { withFileTypes: true }, done)).catch(() => []);
      for (const { name } of entries.filter((entry) => entry.isDirectory())) await walk(join(folder, name));
      for (const { name } of entries) {
        const path = join(folder, name);
        if (name.endsWith('%entry')) {
          const entry = await readJson<Entry>(path);
          const found = entry && (await this.find(entry.url));
          if (!found) continue;
          const { url } = found;
          listed.push('absent' in found ? { url, stored: 0, absent: true } : { url, stored: found.size, whole: found });
        } else if (name.endsWith('%part')) {
          const facts = await readJson<{ url: string }>(path.replace(/%part$/, '%facts'));
          const found = await stat(path);
          if (facts && found) listed.push({ url: facts.url, stored: found.size });
        }
      }
    };
    await walk(this.place);
    return listed;
  }

  exclusive<T>(url: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.locked(`${this.pathOf(url)}%lock`, signal, work);
  }

  private async locked<T>(lock: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const fs = await builtin('node:fs');
    // whoever removes the last file of a folder removes the folder
    const isTaken = async (): Promise<boolean> => {
      await makeFolder(dirname(lock));
      return takeNow(lock);
    };
    while (!(await this.writing(isTaken))) {
      throwIfAborted(signal);
      await new Promise((done) => setTimeout(done, POLL_MS));
    }
    const beat = setInterval(() => {
      const now = new Date();
      fs.utimes(lock, now, now, () => undefined);
    }, BEAT_MS);
    beat.unref?.();
    try {
      return await work();
    } finally {
      clearInterval(beat);
      await giveBack(lock);
    }
  }

  /** Removes what belongs to the file of a path, entries first: what is half removed is not believed. */
  private async removeFiles(path: string, names: readonly string[]): Promise<number> {
    const fs = await builtin('node:fs');
    const lock = `${path}%lock`;
    const removeNow = async (): Promise<number> => {
      let freed = 0;
      for (const name of names) {
        if (name === lock) continue;
        if (name === path || name.endsWith('%part')) freed += (await stat(name))?.size ?? 0;
        await this.writing(() => call((done) => fs.rm(name, { force: true }, done)));
      }
      return freed;
    };
    const freed = await unlessDownloading((signal) => this.locked(lock, signal, removeNow));
    for (let folder = dirname(path); folder.startsWith(this.place + sep); folder = dirname(folder)) {
      const emptied = await call((done) => fs.rmdir(folder, done)).then(
        () => true,
        () => false,
      );
      if (!emptied) break;
    }
    return freed;
  }

  /** The path of a URL's file. What other file systems refuse in a name is escaped. */
  pathOf(url: string): string {
    const { protocol, host, pathname } = new URL(url);
    const parts = pathname.split('/').filter((part) => part !== '');
    const names = parts.map((part) => encodeURIComponent(decode(part)).replace(/[*'()!]|\.$/g, escaped));
    return join(this.place, `${protocol.slice(0, -1)}--${host.replace(/[^\w.-]/g, '_')}`, ...names);
  }

  /** Runs what writes; a failure names the folder and the cure. */
  async writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw writeError(`to the cache ${this.place}`, cause);
    }
  }
}

class IncomingFile implements Incoming {
  constructor(
    private readonly store: FolderStore,
    private readonly path: string,
    private readonly descriptor: number,
    public have: number,
  ) {}

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const fs = await builtin('node:fs');
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await call<number>((done) =>
        fs.read(this.descriptor, bytes, filled, length - filled, offset + filled, done),
      );
      if (count === 0)
        throw writeError(`to the cache ${this.store.place}`, new Error(`${this.path}%part became shorter`));
      filled += count;
    }
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const fs = await builtin('node:fs');
    await this.store.writing(async () => {
      for (let at = 0; at < bytes.byteLength;) {
        const count = await call<number>((done) =>
          fs.write(this.descriptor, bytes, at, bytes.byteLength - at, this.have, done),
        );
        at += count;
        this.have += count;
      }
    });
  }

  async finish(file: StoredFile): Promise<void> {
    const fs = await builtin('node:fs');
    const { path, descriptor } = this;
    await this.store.writing(async () => {
      await call((done) => fs.fsync(descriptor, done));
      await this.pause();
      // between the two steps neither the old file nor the new one is believed
      await call((done) => fs.rm(`${path}%entry`, { force: true }, done));
      await call((done) => fs.rename(`${path}%part`, path, done));
      const { mtimeMs } = (await stat(path))!;
      await writeJson(`${path}%entry`, { ...file, modified: mtimeMs });
      await call((done) => fs.rm(`${path}%facts`, { force: true }, done));
    });
  }

  async pause(): Promise<void> {
    const fs = await builtin('node:fs');
    await call((done) => fs.close(this.descriptor, (error) => done(error ?? null)));
  }

  async discard(): Promise<void> {
    const fs = await builtin('node:fs');
    await this.pause();
    for (const kind of ['part', 'facts']) await call((done) => fs.rm(`${this.path}%${kind}`, { force: true }, done));
  }
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function stat(path: string): Promise<Stats | undefined> {
  const fs = await builtin('node:fs');
  return call<Stats>((done) => fs.stat(path, done)).catch(() => undefined);
}

/** Undefined if there is no such file or it is damaged. */
async function readJson<T>(path: string): Promise<T | undefined> {
  const fs = await builtin('node:fs');
  try {
    return JSON.parse(await call<string>((done) => fs.readFile(path, 'utf8', done))) as T;
  } catch {
    return undefined;
  }
}

let written = 0;

/** Writes a small file in one step. */
async function writeJson(path: string, value: unknown): Promise<void> {
  const fs = await builtin('node:fs');
  const temporary = `${path}.${process.pid}-${++written}`;
  try {
    await call((done) => fs.writeFile(temporary, JSON.stringify(value), done));
    await call((done) => fs.rename(temporary, path, done));
  } catch (error) {
    await call((done) => fs.rm(temporary, { force: true }, done)).catch(() => undefined);
    throw error;
  }
}

/** Takes the lock, if nobody who lives has it and its folder exists. */
async function takeNow(lock: string): Promise<boolean> {
  const fs = await builtin('node:fs');
  const { hostname } = await import('node:os');
  for (;;) {
    try {
      await call((done) => fs.writeFile(lock, `${process.pid}@${hostname()}`, { flag: 'wx' }, done));
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    if (await isGone(lock, hostname())) await call((done) => fs.rm(lock, { force: true }, done));
    else if (await stat(lock)) return false;
  }
}

async function giveBack(lock: string): Promise<void> {
  const fs = await builtin('node:fs');
  await call((done) => fs.rm(lock, { force: true }, done)).catch(() => undefined);
}

/** Whether the lock's holder has ended without giving it back. */
async function isGone(lock: string, host: string): Promise<boolean> {
  const fs = await builtin('node:fs');
  const found = await stat(lock);
  if (!found) return false;
  if (Date.now() - found.mtimeMs > GONE_MS) return true;
  const holder = await call<string>((done) => fs.readFile(lock, 'utf8', done)).catch(() => '');
  const [pid, where] = holder.split('@');
  if (where !== host || pid === String(process.pid)) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

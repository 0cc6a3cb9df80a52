// File access of Node, Deno and Bun: the one place that touches the file system.
import type { Dirent } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileAccess, OpenFile } from '../io/source-base';
import { builtin, call } from './builtins-node';

/** Bytes up to which a read is done at once: waiting for another thread costs more than the disk, some 10 ms in a start of 50. */
const SMALL = 64 * 1024;

/** What the system says of a path that may not be seen, and what Node's permissions and Deno's do. */
const DENIED = /^(EACCES|EPERM|ERR_ACCESS_DENIED|NotCapable)$/;

/** The local file system. What takes microseconds is done at once; large reads leave the event loop free. */
export const nodeFiles: FileAccess = {
  async kind(path) {
    const fs = await builtin('node:fs');
    try {
      const found = fs.statSync(path);
      if (found.isDirectory()) return 'folder';
      // Opening a pipe would wait for ever.
      return found.isFile() ? 'file' : undefined;
    } catch (error) {
      // Undefined also for a path that no file can have (too long, a zero byte).
      const { code, name } = error as NodeJS.ErrnoException;
      return DENIED.test(code ?? name) ? 'denied' : undefined;
    }
  },

  async list(folder) {
    const fs = await builtin('node:fs');
    const entries = await call<Dirent[]>((done) => fs.readdir(folder, { withFileTypes: true }, done));
    // The Hub's cache is a folder of symbolic links.
    return entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name);
  },

  async open(path): Promise<OpenFile> {
    const fs = await builtin('node:fs');
    const descriptor = fs.openSync(path, 'r');
    const close = async (): Promise<void> => fs.closeSync(descriptor);
    let size: number;
    try {
      const found = fs.fstatSync(descriptor);
      if (found.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR' });
      size = found.size;
    } catch (error) {
      await close();
      throw error;
    }
    return {
      size,
      async read(offset, length) {
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const [from, at] = [filled, offset + filled];
          const count =
            length <= SMALL
              ? fs.readSync(descriptor, bytes, from, length - from, at)
              : await call<number>((done) => fs.read(descriptor, bytes, from, length - from, at, done));
          if (count === 0) return bytes.slice(0, filled);
          filled += count;
        }
        return bytes;
      },
      close,
    };
  },

  hubCache() {
    const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HOME, USERPROFILE } = process.env;
    const home = HF_HOME || join(XDG_CACHE_HOME || join(HOME || USERPROFILE || '.', '.cache'), 'huggingface');
    return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, 'hub');
  },

  resolve: (path) => (/^file:/i.test(path) ? fileURLToPath(path) : resolve(path)),
  join,
  split: (path) => ({ folder: dirname(path), file: basename(path) }),
};

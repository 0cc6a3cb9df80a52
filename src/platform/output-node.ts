// Writing files in Node, Deno and Bun.
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import type { FileOutput, OpenOutput } from '../io/file-output';
import { builtin, call, codeOf } from './builtins-node';

/** mkdir's own recursion never ends where the system denies that a folder above can be made (/proc).
 *  @param patience how often it begins again when somebody removes meanwhile what there was */
export async function makeFolder(path: string, patience = 5): Promise<void> {
  const fs = await builtin('node:fs');
  const make = (): Promise<void> => call((done) => fs.mkdir(path, done));
  try {
    await make();
  } catch (error) {
    const parent = dirname(path);
    let failure = error;
    if (codeOf(error) === 'ENOENT' && parent !== path) {
      await makeFolder(parent);
      try {
        return await make();
      } catch (second) {
        failure = second;
      }
    }
    // it is there, or a file is; another process may have made it meanwhile
    const found = await call<Stats>((done) => fs.stat(path, done)).catch(() => null);
    if (found?.isDirectory()) return;
    if (found || patience === 0) throw failure;
    await makeFolder(path, patience - 1);
  }
}

let started = 0;

/** Writes to the local file system. A file has another name until it is complete, so that half a file is never taken for one. */
export const nodeOutput: FileOutput = {
  makeFolder,

  async create(path): Promise<OpenOutput> {
    const fs = await builtin('node:fs');
    const part = `${path}.${process.pid}-${++started}.part`;
    const descriptor = await call<number>((done) => fs.open(part, 'wx', done));
    const close = (): Promise<void> => call((done) => fs.close(descriptor, done));
    const remove = (): Promise<void> => call((done) => fs.rm(part, { force: true }, done));
    return {
      async write(bytes) {
        for (let at = 0; at < bytes.byteLength;) {
          at += await call<number>((done) => fs.write(descriptor, bytes, at, bytes.byteLength - at, null, done));
        }
      },
      async finish() {
        await close();
        try {
          await call((done) => fs.rename(part, path, done));
        } catch (error) {
          await remove();
          throw error;
        }
      },
      async discard() {
        await close();
        await remove();
      },
    };
  },
};

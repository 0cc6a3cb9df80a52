// File access of Node, Deno and Bun: the one place that touches the file system.
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileAccess, OpenFile } from '../io/source-base';

/** The local file system. */
export const nodeFiles: FileAccess = {
  async kind(path) {
    try {
      const found = await stat(path);
      if (found.isDirectory()) return 'folder';
      // Opening a pipe would wait for ever.
      return found.isFile() ? 'file' : undefined;
    } catch {
      // Also for a path that no file can have (too long, a zero byte) or that may not be seen.
      return undefined;
    }
  },

  async list(folder) {
    const entries = await readdir(folder, { withFileTypes: true });
    // The Hub's cache is a folder of symbolic links.
    return entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name);
  },

  async open(path): Promise<OpenFile> {
    const handle = await open(path, 'r');
    let size: number;
    try {
      const found = await handle.stat();
      if (found.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: 'EISDIR' });
      size = found.size;
    } catch (error) {
      await handle.close();
      throw error;
    }
    return {
      size,
      async read(offset, length) {
        const bytes = new Uint8Array(length);
        let filled = 0;
        while (filled < length) {
          const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
          if (bytesRead === 0) return bytes.slice(0, filled);
          filled += bytesRead;
        }
        return bytes;
      },
      close: () => handle.close(),
    };
  },

  resolve: (path) => (/^file:/i.test(path) ? fileURLToPath(path) : resolve(path)),
  join,
  split: (path) => ({ folder: dirname(path), file: basename(path) }),
};

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    alias: [
      { find: /^#platform$/, replacement: fileURLToPath(new URL('./test/platform.ts', import.meta.url)) },
      {
        find: '#platform-caller',
        replacement: fileURLToPath(new URL('./src/platform/node-caller.ts', import.meta.url)),
      },
      {
        find: '#platform-follower',
        replacement: fileURLToPath(new URL('./src/platform/node-follower.ts', import.meta.url)),
      },
      {
        find: '#platform-store',
        replacement: fileURLToPath(new URL('./src/platform/node-store.ts', import.meta.url)),
      },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/places/**', 'node_modules/**'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    env: { WASMFORMER_CACHE: join(tmpdir(), 'wasmformer-test-cache') },
  },
});

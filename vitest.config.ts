import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^#platform$/, replacement: file('./test/platform.ts') },
      { find: '#platform-caller', replacement: file('./src/platform/node-caller.ts') },
      { find: '#platform-follower', replacement: file('./src/platform/node-follower.ts') },
    ],
  },
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, pool: 'forks' },
});

import { defineConfig } from 'vitest/config';

// The packed package in every place where it should run. Installs the places first (.places/, some 2 GB).
export default defineConfig({
  test: {
    include: ['test/places/**/*.test.ts'],
    globalSetup: 'test/places/setup.ts',
    testTimeout: 240_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});

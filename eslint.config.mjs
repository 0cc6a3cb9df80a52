// Lint rules: typescript-eslint's strict set, with types where a mistake would cost a hang or a lost error.
import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What scripts, benchmarks and examples may take for granted. */
const NODE_GLOBALS = [
  'AbortController',
  'AbortSignal',
  'Atomics',
  'SharedArrayBuffer',
  'TextDecoder',
  'URL',
  'WebAssembly',
  'clearInterval',
  'clearTimeout',
  'console',
  'fetch',
  'gc',
  'globalThis',
  'performance',
  'process',
  'setInterval',
  'setTimeout',
];

export default defineConfig(
  { ignores: ['dist/', '.places/', 'bench/.peers/', 'bench/ceiling/assembly/', 'test/golden/**/*.json'] },
  { linterOptions: { noInlineConfig: true } },
  {
    files: ['**/*.{ts,mjs}'],
    extends: [eslint.configs.recommended, tseslint.configs.strict, tseslint.configs.stylistic],
    rules: {
      // what a check a line above has settled may be said
      '@typescript-eslint/no-non-null-assertion': 'off',
      // parallel arrays are walked by index everywhere, and a kernel's port to TypeScript keeps its loops
      '@typescript-eslint/prefer-for-of': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/array-type': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'] }],
    },
  },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/only-throw-error': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/platform/**', 'src/cli/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*'], message: 'Only src/platform/ and src/cli/ may use Node.' }] },
      ],
      'no-restricted-globals': ['error', 'process', 'Buffer', 'window', 'document', 'navigator'],
    },
  },
  {
    // AssemblyScript: decorators on functions, comparisons and types that TypeScript's own rules know nothing of
    files: ['assembly/**/*.ts'],
    languageOptions: { parserOptions: { allowInvalidAST: true } },
    rules: {
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-ignore': { descriptionFormat: '^: decorator$' } }],
      '@typescript-eslint/consistent-type-assertions': 'off',
      // kernels of one family share a signature
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      'no-undef': 'off',
      eqeqeq: 'off',
      'no-constant-condition': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, 'readonly'])) },
  },
);

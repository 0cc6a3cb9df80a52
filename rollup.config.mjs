// Bundles src/: for Node (the tokenizer library stays an import), for the web (self-contained, so that it runs without a bundler too), and
// the public types. The wasm files are shared by both platforms.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import alias from '@rollup/plugin-alias';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { dts } from 'rollup-plugin-dts';
import esbuild from 'rollup-plugin-esbuild';
import { minify } from 'terser';
import { inlineAbi } from './scripts/inline-abi.mjs';

const PUBLIC = ['index', 'kernels'];
const ENTRIES = [...PUBLIC, 'worker', 'follower'];
const input = (names) => Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]));
const clean = (dir) => ({ name: 'clean', buildStart: () => rm(dir, { recursive: true, force: true }) });
const platform = (name) =>
  alias({ entries: { '#platform': fileURLToPath(new URL(`src/platform/${name}.ts`, import.meta.url)) } });

/** Some 5 % smaller than esbuild's minifier. */
const shrink = {
  name: 'shrink',
  renderChunk: async (code) => minify(code, { module: true, ecma: 2020, compress: { passes: 3 } }),
};

/** Where embedding starts: the caller's side, and the engine's in its two places. */
const EMBEDDING = /src\/(index|worker|follower)\.ts$|src\/runtime\/host-(worker|inline)\.ts$/;

/** Whether embedding needs a module: one of those imports it statically, itself or through others. */
function isForEmbedding(id, getModuleInfo, seen = new Set()) {
  if (EMBEDDING.test(id)) return true;
  seen.add(id);
  return getModuleInfo(id).importers.some((by) => !seen.has(by) && isForEmbedding(by, getModuleInfo, seen));
}

/** Modules that few uses need, by what they are for. Whatever else is imported on demand is for generation. */
const SELDOM = {
  tasks: /src\/api\/(tasks|encoder-tasks)/,
  forward: /src\/api\/(embeddings|encoder-forward|ids)\./,
  encoders: /src\/(models\/(bert-heads|distilbert|roberta|transformer-stack)|nn\/sinusoidal)\./,
  // encoder-decoders, and a decoder's stack alone
  transformer:
    /src\/(models\/(transformers?|bart|bart-parts|t5|encoder-decoder)|runtime\/(transformer-runner|stack-runner)|api\/transformer-calls|nn\/relative)\./,
  bpe: /src\/io\/tokenizer\/(bpe|merges)\./,
  unigram: /src\/io\/tokenizer\/unigram\./,
  precompiled: /src\/io\/tokenizer\/precompiled\./,
  explain: /src\/core\/explain\./,
  memory: /src\/io\/source-memory\./,
  // models without files, and files of models
  save: /src\/(api\/(save|fresh)|io\/(source-config|safetensors-write)|runtime\/(random-tensors|held-tensors))\./,
  shards: /src\/io\/safetensors-shards\./,
  folder: /src\/io\/source-folder\./,
};

/** Few files start faster and compress better: what every use needs is one, and what only some need are others. */
function chunkOf(id, { getModuleInfo }) {
  const seldom = Object.keys(SELDOM).find((name) => SELDOM[name].test(id));
  if (seldom) return seldom;
  if (/tokenizer/.test(id)) return 'tokenizer';
  if (/src\/(index|worker|follower)\.ts$/.test(id)) return null;
  if (isForEmbedding(id, getModuleInfo)) return 'core';
  if (/src\/(kernels\.ts|api\/kernels|ops\/(convert|reduce|softmax)\.)/.test(id)) return null;
  return /src\/ops\//.test(id) ? 'ops' : 'generation';
}

/** In Node a small file takes longer to find than to read. */
function nodeChunkOf(id, graph) {
  const name = chunkOf(id, graph);
  if (name === 'bpe' || name === 'unigram' || name === 'precompiled') return 'tokenizer';
  if (name === 'transformer' || name === 'save') return 'generation';
  if (name === 'ops') return 'core';
  return name === 'tasks' || !(name in SELDOM) ? name : 'core';
}

const node = {
  input: input(ENTRIES),
  output: {
    dir: 'dist/node',
    format: 'es',
    chunkFileNames: '[name]-[hash].js',
    manualChunks: nodeChunkOf,
  },
  external: [/^node:/, '@huggingface/tokenizers'],
  plugins: [
    clean('dist/node'),
    inlineAbi(),
    platform('node'),
    // Comlink is bundled: its adapter for Node and its main file must be of one build
    nodeResolve({ extensions: ['.ts', '.mjs', '.js'], exportConditions: ['node'] }),
    esbuild({ target: 'es2022', legalComments: 'inline' }),
  ],
};

const web = {
  input: input(ENTRIES),
  output: {
    dir: 'dist/web',
    format: 'es',
    chunkFileNames: '[name]-[hash].js',
    // by itself, so that the size limit can tell it from what is ours
    manualChunks: (id, graph) => (id.includes('@huggingface/tokenizers') ? 'tokenizers-library' : chunkOf(id, graph)),
  },
  plugins: [
    clean('dist/web'),
    inlineAbi(),
    platform('browser'),
    nodeResolve({ extensions: ['.ts', '.mjs', '.js'], browser: true, exportConditions: ['browser'] }),
    esbuild({ target: 'es2022', legalComments: 'inline' }),
    shrink,
  ],
};

const types = {
  input: input(PUBLIC),
  output: { dir: 'dist/types', format: 'es', chunkFileNames: '[name].d.ts' },
  plugins: [clean('dist/types'), dts({ tsconfig: 'tsconfig.build.json' })],
};

export default [node, web, types];

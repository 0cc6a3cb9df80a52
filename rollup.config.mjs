// Bundles src/: for Node (the tokenizer library stays an import), for the web (self-contained, so that it runs without a bundler too), and
// the public types. The wasm files are shared by both platforms.
import { readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import alias from '@rollup/plugin-alias';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { dts } from 'rollup-plugin-dts';
import { build } from 'esbuild';
import esbuild from 'rollup-plugin-esbuild';
import { minify } from 'terser';
import { inlineAbi } from './scripts/inline-abi.mjs';

const PUBLIC = ['index', 'kernels', 'edge'];
const ENTRIES = ['index', 'kernels', 'worker', 'follower'];
const input = (names) => Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]));
const clean = (dir) => ({ name: 'clean', buildStart: () => rm(dir, { recursive: true, force: true }) });
const platform = (name) =>
  alias({
    entries: ['', '-caller', '-follower', '-store'].map((part) => ({
      find: `#platform${part}`,
      replacement: fileURLToPath(new URL(`src/platform/${name}${part}.ts`, import.meta.url)),
    })),
  });

/** Some 5 % smaller than esbuild's minifier. No function expression here is called with `new`. */
const shrink = {
  name: 'shrink',
  renderChunk: async (code) => minify(code, { module: true, ecma: 2020, compress: { passes: 3, unsafe_arrows: true } }),
};

/** V8 reads a module's whole text when it starts, short names in two thirds of the time. Classes keep theirs, for who prints a model,
 *  and licences stay. */
const shrinkForNode = {
  name: 'shrink-for-node',
  renderChunk: async (code) =>
    minify(code, {
      module: true,
      ecma: 2020,
      compress: { passes: 3 },
      keep_classnames: true,
      // a letter beyond Latin-1 doubles what V8 reads of the whole file; of an error that nobody catches Node shows the whole line
      format: { comments: 'some', ascii_only: true, max_line_len: 120 },
    }),
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
  forward: /src\/api\/(embeddings|encoder-forward|ids|profile)\./,
  encoders: /src\/(models\/(bert-heads|distilbert|mpnet|roberta|transformer-stack)|nn\/sinusoidal)\./,
  // encoder-decoders, and a decoder's stack alone
  transformer:
    /src\/(models\/(transformers?|bart|bart-parts|t5|encoder-decoder)|runtime\/(transformer-runner|stack-runner)|api\/(transformer-calls|languages))\./,
  relative: /src\/nn\/relative\./,
  // tokenizers of other kinds than BERT's
  subwords: /src\/io\/tokenizer\/(subword-\w+|class-settings|template|long-pieces|word-level|in-blocks)\./,
  bpe: /src\/io\/tokenizer\/(bpe|merges)\./,
  unigram: /src\/io\/tokenizer\/unigram\./,
  large: /src\/io\/tokenizer\/large-json\./,
  convert: /src\/io\/tokenizer\/(convert\/|piece-model\.|sentencepiece\.)/,
  precompiled: /src\/io\/tokenizer\/precompiled\./,
  scripts: /src\/io\/tokenizer\/script(s|-ranges)\./,
  mistakes: /src\/(spelling|models\/unsupported-type|api\/sentence-mistakes)\./,
  misfit: /src\/runtime\/load-mistakes\./,
  failures: /src\/core\/build-failure\./,
  explain: /src\/core\/explain\./,
  memory: /src\/io\/source-memory\./,
  // models without files, and files of models
  save: /src\/(api\/(save|fresh)|io\/(source-config|safetensors-write)|runtime\/(random-tensors|held-tensors))\./,
  shards: /src\/io\/weight-files\./,
  pytorch: /src\/io\/pytorch\//,
  // files by URL, and where they are kept
  http: /src\/(io\/(source-remote|remote-files|source-request|http-headers|cache\/)|platform\/(\w+-store|browser-entries)\.)/,
  stream: /src\/io\/source-http\./,
  output: /src\/io\/file-output\./,
  cache: /src\/(api\/cache-files|platform\/browser-listing)\./,
  progress: /src\/api\/load-meter\./,
  checkpoint: /src\/api\/checkpoint\./,
  folder: /src\/io\/(source-folder|hub-cache)\./,
};

/** Whether a program needs a module, at its start or later. */
function isReachable(from, id, getModuleInfo, seen = new Set()) {
  if (from.test(id)) return true;
  seen.add(id);
  const { importers, dynamicImporters } = getModuleInfo(id);
  return [...importers, ...dynamicImporters].some((by) => !seen.has(by) && isReachable(from, by, getModuleInfo, seen));
}

/** Whether a module is part of another's static imports. */
function isImported(by, id, getModuleInfo, seen = new Set()) {
  if (by.test(id)) return true;
  seen.add(id);
  return getModuleInfo(id).importers.some((next) => !seen.has(next) && isImported(by, next, getModuleInfo, seen));
}

/** Few files start faster and compress better: what every use needs is one, and what only some need are others. */
function purposeOf(id, getModuleInfo) {
  const seldom = Object.keys(SELDOM).find((name) => SELDOM[name].test(id));
  if (seldom) return seldom;
  if (/src\/io\/tokenizer/.test(id)) return 'tokenizer';
  if (/src\/(index|worker|follower)\.ts$/.test(id)) return null;
  if (isForEmbedding(id, getModuleInfo)) return 'core';
  if (/src\/(kernels\.ts|api\/kernels|ops\/(convert|reduce|softmax)\.)/.test(id)) return null;
  return /src\/ops\//.test(id) ? 'ops' : 'generation';
}

/** The caller's side, the engine's and the followers' have chunks of their own: a worker must not lead to the code that starts it,
 *  or bundlers that follow `new Worker(new URL(...))` go round in circles. */
function chunkOf(id, { getModuleInfo }) {
  const purpose = purposeOf(id, getModuleInfo);
  if (!purpose) return null;
  if (isReachable(/src\/follower\.ts$/, id, getModuleInfo)) return 'thread';
  return isReachable(/src\/worker\.ts$/, id, getModuleInfo) ? purpose : `${purpose}-caller`;
}

/** What a page loads anyway to embed texts, and what is exported beside the classes, is one file: it compresses better, and pages ask
 *  for less one after the other. What kernels need of it is another, for pages that use nothing else. */
function webChunkOf(id, graph) {
  const name = chunkOf(id, graph);
  // a cache in a browser does without
  if (name === 'output-caller') return 'save-caller';
  if (!['core-caller', 'tokenizer-caller', 'http-caller'].includes(name)) return name;
  return isImported(/src\/kernels\.ts$/, id, graph.getModuleInfo) ? 'base-caller' : 'core-caller';
}

/** In Node a small file takes longer to find than to read, and a large one 0.07 ms a KB to compile. */
function nodeChunkOf(id, graph) {
  const name = nodePurposeOf(id, graph);
  if (name !== 'core') return name;
  // the caller, the engine's worker and its threads each read only their own, and what all of them need
  const { getModuleInfo } = graph;
  if (isReachable(/src\/follower\.ts$/, id, getModuleInfo)) return 'thread';
  if (!isReachable(/src\/worker\.ts$/, id, getModuleInfo)) {
    return /host-inline|src\/ops\//.test(id) ? 'core' : 'core-caller';
  }
  return isImported(/src\/(index|runtime\/host-worker)\.ts$/, id, getModuleInfo) ? 'shared' : 'core';
}

function nodePurposeOf(id, graph) {
  // an engine in the caller's thread does without
  if (/comlink|src\/runtime\/wire\./.test(id)) return 'wire';
  if (/src\/(runtime\/host-worker|platform\/node-caller)\./.test(id)) return 'starter';
  if (/src\/runtime\/endpoint\./.test(id)) return null;
  if (/src\/cli\/index\./.test(id)) return null;
  if (/commander|src\/cli\/(main|program|failure|generation-flags|completion|own-models)\./.test(id)) return 'program';
  if (/src\/cli/.test(id)) return 'commands';
  const name = purposeOf(id, graph.getModuleInfo);
  if (['convert', 'http', 'cache', 'pytorch', 'encoders', 'scripts'].includes(name)) return name;
  // MPNet's biases, and T5's: generation imports encoders' stacks
  if (name === 'relative') return 'encoders';
  if (['stream', 'output'].includes(name)) return 'http';
  if (['bpe', 'unigram', 'precompiled', 'subwords', 'large'].includes(name)) return 'subwords';
  if (['transformer', 'save'].includes(name)) return 'generation';
  if (name === 'ops') return 'core';
  if (['shards', 'memory', 'progress', 'mistakes', 'misfit', 'failures', 'explain', 'checkpoint'].includes(name))
    return 'seldom';
  if (/src\/io\/hub-cache\./.test(id)) return 'seldom';
  return name === 'tasks' || !(name in SELDOM) ? name : 'core';
}

/** Commander is CommonJS, which Rollup does not read: it comes as one minified module with its licence. */
const commander = {
  name: 'commander',
  resolveId: (id) => (id === 'commander' ? '\0commander.js' : null),
  async load(id) {
    if (id !== '\0commander.js') return null;
    const bundled = await build({
      stdin: { contents: "module.exports = require('commander');", resolveDir: import.meta.dirname },
      bundle: true,
      format: 'cjs',
      platform: 'node',
      minify: true,
      write: false,
    });
    const licence = await readFile('node_modules/commander/LICENSE', 'utf8');
    return `/*! commander\n${licence}*/
import { createRequire } from 'node:module';
const module = { exports: {} };
((require) => {${bundled.outputFiles[0].text}})(createRequire(import.meta.url));
export const { Argument, Command, CommanderError, InvalidArgumentError, Option } = module.exports;`;
  },
};

/** Chunks that import one another may run before what they need: such a build starts with a ReferenceError. */
function onLog(level, log, report) {
  if (log.code === 'CIRCULAR_CHUNK') report('error', log);
  // the public types name types that are not exported, on purpose
  else if (log.plugin !== 'dts') report(level, log);
}

const node = {
  onLog,
  input: { ...input(ENTRIES), cli: 'src/cli/index.ts' },
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
    commander,
    // Comlink is bundled: its adapter for Node and its main file must be of one build
    nodeResolve({ extensions: ['.ts', '.mjs', '.js'], exportConditions: ['node'] }),
    esbuild({ target: 'es2022', legalComments: 'inline' }),
    shrinkForNode,
  ],
};

const web = {
  onLog,
  input: input(ENTRIES),
  output: {
    dir: 'dist/web',
    format: 'es',
    chunkFileNames: '[name]-[hash].js',
    // all files of a program at once, where one after the other leads to the next: the worker of a new page is up 20 ms earlier
    hoistTransitiveImports: true,
    // by itself, so that the size limit can tell it from what is ours
    manualChunks: (id, graph) =>
      id.includes('@huggingface/tokenizers') ? 'tokenizers-library' : webChunkOf(id, graph),
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

/** One file without a worker: edge platforms bundle and compile ahead. */
const edge = {
  onLog,
  input: 'src/edge.ts',
  output: { file: 'dist/edge/index.js', format: 'es', inlineDynamicImports: true },
  plugins: [
    clean('dist/edge'),
    inlineAbi(),
    platform('edge'),
    nodeResolve({ extensions: ['.ts', '.mjs', '.js'], exportConditions: ['worker'] }),
    esbuild({ target: 'es2022', legalComments: 'inline' }),
    shrink,
  ],
};

/** Types of what has no source to take them from: a build of the core as a module, and the worker, which exports nothing. */
const declarations = {
  name: 'declarations',
  generateBundle() {
    const wasm = `/** A build of the core, where importing a .wasm file gives its compiled module. */
declare const module: WebAssembly.Module;
export default module;
`;
    this.emitFile({ type: 'asset', fileName: 'wasm.d.ts', source: wasm });
    this.emitFile({ type: 'asset', fileName: 'worker.d.ts', source: 'export {};\n' });
  },
};

const types = {
  onLog,
  input: input(PUBLIC),
  output: {
    dir: 'dist/types',
    format: 'es',
    chunkFileNames: '[name].d.ts',
    // Symbol.asyncDispose, for projects whose `lib` is of a year without it and whose compiler looks into packages
    banner: '/// <reference lib="esnext.disposable" />',
  },
  plugins: [clean('dist/types'), dts({ tsconfig: 'tsconfig.build.json' }), declarations],
};

export default [node, web, edge, types];

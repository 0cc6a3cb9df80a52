// Bundles src/ twice: for Node (libraries stay imports) and for the web (self-contained, so that it runs without a bundler
// too). The wasm files are shared by both.
import { rm } from 'node:fs/promises';
import alias from '@rollup/plugin-alias';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import esbuild from 'rollup-plugin-esbuild';

const entries = ['index', 'kernels', 'worker', 'follower'];

function bundle(platform, dir) {
  const isNode = dir === 'node';
  return {
    input: Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`])),
    output: { dir: `dist/${dir}`, format: 'es', chunkFileNames: '[name]-[hash].js', sourcemap: false },
    external: isNode ? [/^node:/, '@huggingface/tokenizers', '@assemblyscript/loader'] : [],
    plugins: [
      { name: 'clean', buildStart: () => rm(`dist/${dir}`, { recursive: true, force: true }) },
      alias({ entries: { '#platform': new URL(`src/platform/${platform}.ts`, import.meta.url).pathname } }),
      nodeResolve({ extensions: ['.ts', '.mjs', '.js'], browser: !isNode, exportConditions: isNode ? ['node'] : ['browser'] }),
      esbuild({ target: 'es2022', minify: !isNode, legalComments: 'inline' }),
    ],
  };
}

export default [bundle('node', 'node'), bundle('browser', 'web')];

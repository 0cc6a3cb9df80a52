// The Node platform for tests that run the sources: workers and wasm come from the built package.
import { assets } from '../src/platform/node';

assets.wasm = (name) => new URL(`../dist/wasm/${name}.wasm`, import.meta.url);
assets.follower = () => new URL('../dist/node/follower.js', import.meta.url);
assets.engine = () => new URL('../dist/node/worker.js', import.meta.url);

export * from '../src/platform/node';

/** Tests of three threads shall have three on any machine. */
export const cores = (): number => 64;

// Entry point of a follower thread: instantiates the module over the shared memory and stays inside it.
import { instantiateSync } from '@assemblyscript/loader';
import { onStart } from '#platform-follower';
import { CTL_FAILED } from '../assembly/abi/layout';
import { coreImports } from './core/imports';

void onStart((module, memory, tell) => {
  const { exports } = instantiateSync<{ follow(): void } & Record<string, unknown>>(module, coreImports(memory));
  // where the memory grew just as it arrived here, V8 (that of Node 20) goes on with the size of before, and what the engine itself copies
  // or fills behind that traps; growing by nothing reads the size anew
  memory.grow(0);
  tell(0); // it takes part from now on
  try {
    exports.follow();
  } catch (error) {
    // a trap: thread 0 waits for this share and must be told, which is the end of this thread
    tell(error);
    Atomics.store(new Int32Array(memory.buffer), CTL_FAILED >>> 2, 1);
    throw error;
  }
});

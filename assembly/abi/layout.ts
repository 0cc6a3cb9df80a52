// The fixed low addresses of wasm memory, shared by both compilers. Everything above HEAP belongs to TypeScript's
// region allocator (src/core/memory.ts).

/** Control block: 32-bit cells through which the engine's thread steers the others. Cells that different threads
 *  write are on cache lines of their own. */
export const CONTROL = 1024;
/** Bumped to start a slice; followers wait on it. */
export const CTL_GENERATION = 1024;
/** Address of the first record of the slice. */
export const CTL_RECORD = 1028;
/** How many records the slice has. */
export const CTL_COUNT = 1032;
/** A record dearer than a slice is run in `parts` parts; this is the part's number. */
export const CTL_PART = 1036;
export const CTL_PARTS = 1040;
/** How many threads take part in the slice. */
export const CTL_THREADS = 1044;
/** Per-thread scratch: thread i owns [base + i * stride, base + (i + 1) * stride). */
export const CTL_SCRATCH = 1048;
export const CTL_SCRATCH_STRIDE = 1052;
/** Nonzero: followers leave `follow`. */
export const CTL_EXIT = 1056;
/** Number of the call that is running; a cancel cell of the same value stops it at the next barrier. */
export const CTL_CALL = 1060;
/** Set by thread 0 before it releases a barrier: everybody leaves the slice. */
export const CTL_STOP = 1064;
/** How many times a waiter looks before it sleeps. */
export const CTL_SPIN = 1068;
/** Written from outside (another JavaScript thread): the call to cancel. */
export const CTL_CANCEL = 1152;
/** Followers that have arrived at the barrier. */
export const CTL_ARRIVED = 1216;
/** Bumped by thread 0 to release the barrier. */
export const CTL_RELEASE = 1280;
/** How many followers sleep on CTL_GENERATION or CTL_RELEASE; thread 0 notifies only if there are any. */
export const CTL_SLEEPERS = 1344;
/** Followers that have instantiated the module and wait for work. */
export const CTL_READY = 1408;

/** f32 constants, written once by TypeScript (see constants.ts). Kernels splat them from here: a v128 literal inside a
 *  loop is rebuilt at every iteration by V8. */
export const CONSTANTS = 2048;
/** 128 bytes of zeros: the first row that accumulators are loaded from. */
export const ZEROS = 3072;
/** First address of the region allocator. */
export const HEAP = 4096;

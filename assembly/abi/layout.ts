// The fixed low addresses of wasm memory, shared by both compilers. Everything above HEAP belongs to TypeScript's
// region allocator (src/core/memory.ts).

/** Control block: 32-bit cells through which the engine's thread steers the others. Cells that different threads
 *  write are on cache lines of their own. */
export const CONTROL = 1024;
/** Starts a slice when it changes: a counter above the lowest 8 bits, which say how many threads take part. One cell, so
 *  that a follower reads both at once. */
export const CTL_GENERATION = 1024;
/** Address of the first record of the slice. */
export const CTL_RECORD = 1028;
/** How many records the slice has. */
export const CTL_COUNT = 1032;
/** A record dearer than a slice is run in `parts` parts; this is the part's number. */
export const CTL_PART = 1036;
export const CTL_PARTS = 1040;
/** Nonzero: a follower has trapped or lost its thread; the slice cannot finish. */
export const CTL_FAILED = 1044;
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
/** Rows of a matmul register tile: as many as the engine's compiler keeps in registers (kernels/tile.ts). Where that is 4, products
 *  of few rows take 16-bit weights a row at a time (kernels/matmul.ts). */
export const CTL_TILE_ROWS = 1072;
/** Columns of a matmul register tile, in panels of 8: 2 where the compiler fuses pairs into 256-bit operations. */
export const CTL_TILE_PANELS = 1076;
/** Written from outside (another JavaScript thread): the call to cancel. */
export const CTL_CANCEL = 1152;
/** Followers that have arrived at the barrier. */
export const CTL_ARRIVED = 1216;
/** Bumped by thread 0 to release the barrier. */
export const CTL_RELEASE = 1280;
/** How many followers sleep on CTL_GENERATION or CTL_RELEASE; thread 0 notifies only if there are any. */
export const CTL_SLEEPERS = 1344;
/** Nonzero while thread 0 sleeps on CTL_ARRIVED. */
export const CTL_WAITING = 1472;
/** Followers that have instantiated the module and wait for work. */
export const CTL_READY = 1408;

/** f32 constants, written once by TypeScript (see constants.ts). Kernels splat them from here: a v128 literal inside a
 *  loop is rebuilt at every iteration by V8. */
export const CONSTANTS = 2048;
/** 256 bytes of zeros: what accumulators are loaded from where there is no bias. */
export const ZEROS = 3072;
/** Depth of the blocks in which a packed matrix lies (kernels/pack.ts): a power of two. */
export const K_BLOCK = 512;
/** Rows of a product's first operand that are packed at a time, and how deep at most (kernels/matmul.ts): K_BLOCK of them stay in the
 *  second-level cache. */
export const ROW_BLOCK = 132;
export const K_PASS = 1024;
/** First address of the region allocator. */
export const HEAP = 4096;

// How fast one thread reads memory: vector loads along several streams of one buffer, with next to no arithmetic.
//
// How many streams the hardware prefetches best depends on the machine, so the bench takes the best.

// @ts-ignore: decorator
@inline
function block(at: usize, sum: v128): v128 {
  const first = v128.xor(v128.load(at), v128.load(at, 16));
  const second = v128.xor(v128.load(at, 32), v128.load(at, 48));
  return v128.xor(sum, v128.xor(first, second));
}

/** Reads `bytes` from `from`, in `streams` runs side by side, 64 bytes of each in turn: a multiple of 64 * streams. */
// @ts-ignore: decorator
@inline
function read(streams: i32, from: usize, bytes: usize): i32 {
  const run = bytes / streams;
  const end = from + run;
  let a = i32x4.splat(0),
    b = a,
    c = a,
    d = a;
  do {
    a = block(from, a);
    if (streams > 1) b = block(from + run, b);
    if (streams > 2) {
      c = block(from + 2 * run, c);
      d = block(from + 3 * run, d);
    }
    if (streams > 4) {
      a = block(from + 4 * run, a);
      b = block(from + 5 * run, b);
      c = block(from + 6 * run, c);
      d = block(from + 7 * run, d);
    }
    from += 64;
  } while (from != end);
  return i32x4.extract_lane(v128.xor(v128.xor(a, b), v128.xor(c, d)), 0);
}

/** Reads in one stream. */
export function read1(from: usize, bytes: usize): i32 {
  return read(1, from, bytes);
}

/** Reads in two streams. */
export function read2(from: usize, bytes: usize): i32 {
  return read(2, from, bytes);
}

/** Reads in four streams. */
export function read4(from: usize, bytes: usize): i32 {
  return read(4, from, bytes);
}

/** Reads in eight streams. */
export function read8(from: usize, bytes: usize): i32 {
  return read(8, from, bytes);
}

/** Reads in one stream, 256 bytes a step: fewer turns of the loop. */
export function readLong(from: usize, bytes: usize): i32 {
  const end = from + bytes;
  let a = i32x4.splat(0),
    b = a,
    c = a,
    d = a;
  do {
    a = block(from, a);
    b = block(from + 64, b);
    c = block(from + 128, c);
    d = block(from + 192, d);
    from += 256;
  } while (from != end);
  return i32x4.extract_lane(v128.xor(v128.xor(a, b), v128.xor(c, d)), 0);
}

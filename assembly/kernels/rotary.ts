// Rotary position embedding (RoFormer, 3.2.2): pairs of a head's columns turned by angles of the row's position.
//
//   out[a] = x[a] cos - x[b] sin        half: (a, b) = (i, i + dim / 2), transformers' rotate_half
//   out[b] = x[b] cos + x[a] sin        interleaved: (2 i, 2 i + 1)
//
//   x [rows, heads * size], its row stride free; table [rows, dim]: dim / 2 cosines, then dim / 2 sines; out contiguous
//
// Columns from dim on are copied. Error: each product and the sum round once, as PyTorch's do; nothing is fused, so
// scalar tails give the same bits. Threads: by (row, head).
import * as R from '../abi/records';
import { shareStart } from '../share';

/** One pair. */
// @ts-ignore: decorator
@inline
function turn(x: usize, y: usize, cos: usize, sin: usize, outX: usize, outY: usize): void {
  const a = load<f32>(x),
    b = load<f32>(y),
    c = load<f32>(cos),
    s = load<f32>(sin);
  store<f32>(outX, a * c - b * s);
  store<f32>(outY, b * c + a * s);
}

function half(x: usize, cos: usize, pairs: usize, out: usize): void {
  let i: usize = 0;
  for (; i + 16 <= pairs; i += 16) {
    const a = v128.load(x + i),
      b = v128.load(x + pairs + i);
    const c = v128.load(cos + i),
      s = v128.load(cos + pairs + i);
    v128.store(out + i, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(out + pairs + i, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
  }
  for (; i < pairs; i += 4) turn(x + i, x + pairs + i, cos + i, cos + pairs + i, out + i, out + pairs + i);
}

function interleaved(x: usize, cos: usize, pairs: usize, out: usize): void {
  let i: usize = 0;
  for (; i + 16 <= pairs; i += 16, x += 32, out += 32) {
    const low = v128.load(x),
      high = v128.load(x, 16);
    const c = v128.load(cos + i),
      s = v128.load(cos + pairs + i);
    const a = i32x4.shuffle(low, high, 0, 2, 4, 6),
      b = i32x4.shuffle(low, high, 1, 3, 5, 7);
    const p = f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)),
      q = f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s));
    v128.store(out, i32x4.shuffle(p, q, 0, 4, 1, 5));
    v128.store(out, i32x4.shuffle(p, q, 2, 6, 3, 7), 16);
  }
  for (; i < pairs; i += 4, x += 8, out += 8) turn(x, x + 4, cos + i, cos + pairs + i, out, out + 4);
}

export function rotary(record: usize, ith: i32, nth: i32): void {
  const heads = load<i32>(record, R.RO_HEADS),
    rows = load<i32>(<usize>load<u32>(record, R.RO_ROWS)),
    isInterleaved = load<i32>(record, R.RO_INTERLEAVED) != 0;
  const size = (<usize>load<u32>(record, R.RO_SIZE_HEAD)) << 2,
    dim = (<usize>load<u32>(record, R.RO_DIM)) << 2,
    pairs = dim >> 1;
  const stride = (<usize>load<u32>(record, R.RO_X_STRIDE)) << 2,
    table = <usize>load<u32>(record, R.RO_TABLE);
  const from = shareStart(rows * heads, ith, nth),
    to = shareStart(rows * heads, ith + 1, nth);
  const row = from / heads;
  let head = from - row * heads,
    out = <usize>load<u32>(record, R.RO_OUT) + <usize>from * size,
    x = <usize>load<u32>(record, R.RO_X) + <usize>row * stride + <usize>head * size,
    cos = table + <usize>row * dim;
  for (let unit = from; unit < to; unit++) {
    if (isInterleaved) interleaved(x, cos, pairs, out);
    else half(x, cos, pairs, out);
    if (dim < size) memory.copy(out + dim, x + dim, size - dim);
    out += size;
    x += size;
    if (++head == heads) {
      head = 0;
      x += stride - <usize>heads * size;
      cos += dim;
    }
  }
}

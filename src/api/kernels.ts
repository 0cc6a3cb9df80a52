// wasmformer/kernels: the kernels one by one, synchronously, on tensors. Each call is a plan of one or a few nodes and runs
// exactly as a model's plan does.
import { Core } from '../core/core';
import { LONGEST, MAP, SEQUENCES, SLOTS, type Operand, type Weight } from '../core/graph';
import { WasmformerError } from '../errors';
import { activation, ACTIVATIONS, type Activation } from '../ops/activation';
import { attention } from '../ops/attention';
import { binary, type Arithmetic } from '../ops/binary';
import { convert, type HalfType } from '../ops/convert';
import { broadcastTo, concat, slice, transpose } from '../ops/rearrange';
import { gather } from '../ops/gather';
import { matmul } from '../ops/matmul';
import { l2Normalize, layerNorm, rmsNorm } from '../ops/norm';
import { pack } from '../ops/pack';
import { pool, POOLINGS, type Pooling } from '../ops/pool';
import { reduce, type Reduction } from '../ops/reduce';
import { softmax } from '../ops/softmax';
import { storeKv } from '../ops/store-kv';
import { broadcastDims } from '../ops/strides';
import { attentionMask, attentionShape, headPages, headSegments, keySegments, pageTokens } from './kernels-attention';
import { empty, KernelsBase, PackedWeight, type F32 } from './kernels-base';
import {
  axesOf,
  axisOf,
  flag,
  floats,
  ids,
  invalid,
  numberOf,
  oneOf,
  shapeError,
  sizeOfDims,
  vector,
} from './kernels-checks';
import { productShape } from './kernels-matmul';
import {
  coreOptionsOf,
  type AttentionOptions,
  type KernelsOptions,
  type MatmulOptions,
  type ReduceOptions,
} from './kernels-options';
import type { KernelCall, KernelInput } from './kernels-runner';
import { poolRows, reductionShape, sliceShape } from './kernels-shapes';
import { Tensor } from './tensor';

/** The kernels of one core. Tensors are float32 unless said otherwise; inputs are never changed, results are fresh tensors in
 *  ordinary memory. Shapes that do not fit throw INVALID_SHAPE, wrong types and values INVALID_ARGUMENT, what is too large
 *  for wasm memory OUT_OF_MEMORY, anything after dispose DISPOSED; each names the kernel, the shapes and the rule. Results are
 *  bit-identical for every thread count. */
export class Kernels extends KernelsBase {
  private packed = 0;

  // ---- products ----

  /** Packs a weight [n, k], as nn.Linear stores it, for `matmul(a, weight)` = a weight^T. */
  pack(weight: Tensor): PackedWeight {
    this.check();
    const { data, dims } = floats('pack', 'weight', weight);
    if (dims.length !== 2) shapeError('pack', 'the weight must be [n, k]', dims);
    const [n, k] = dims;
    // a depth of 0 is a depth of 1 with zeros
    const depth = Math.max(1, k);
    const bytes = 4 * Math.ceil(n / 8) * 8 * depth;
    const { memory } = this.core;
    const handle: Weight = {
      kind: 'weight',
      name: `packed${++this.packed}`,
      dims: [n, depth],
      layout: 'packed',
      dtype: 'f32',
      address: memory.alloc(bytes, 'pack'),
    };
    try {
      if (n > 0) {
        const x: KernelInput = { data: k === 0 ? new Float32Array(n) : data, dims: handle.dims };
        const call: KernelCall<'out'> = {
          op: 'pack',
          attrs: '',
          inputs: { x },
          outputs: { out: x.dims },
          record: (g) => ({ out: pack(g.x, { transposed: true }) }),
        };
        this.guarded(() => this.runner.runInto(call, handle.address, bytes));
      }
    } catch (error) {
      memory.free(handle.address);
      throw error;
    }
    const result = new PackedWeight([n, k], bytes, () => {
      if (!this.weights.delete(result)) return;
      this.runner.forget(handle);
      memory.free(handle.address);
    });
    this.weights.set(result, handle);
    return result;
  }

  /** act(a b + bias) + residual with numpy.matmul's rules: leading dims broadcast, a vector is a row on the left and a column on
   *  the right. Products of nothing are zeros.
   *  @param a [..., m, k]
   *  @param b [..., k, n], or [..., n, k] with transposeB, or a PackedWeight [n, k]
   *  @returns [..., m, n] */
  matmul(a: Tensor, b: Tensor | PackedWeight, options: MatmulOptions = {}): F32 {
    this.check();
    const op = 'matmul';
    const x = floats(op, 'a', a);
    const weight = b instanceof PackedWeight ? this.weightOf(b) : null;
    const y = b instanceof PackedWeight ? null : floats(op, 'b', b);
    const transposed = weight !== null || flag(op, 'transposeB', options.transposeB ?? false);
    const shape = productShape(x.dims, b.dims, transposed);
    const n = shape.result.at(-1)!;
    const act: Activation | null =
      options.activation == null ? null : oneOf(op, 'activation', options.activation, ACTIVATIONS);
    const bias = vector(op, 'bias', options.bias, n);
    const residual = options.residual == null ? null : floats(op, 'residual', options.residual);
    if (residual && !equal(residual.dims, shape.out))
      shapeError(op, 'the residual must have the dims of the result', residual.dims, shape.out);
    if (sizeOfDims(shape.result) === 0) return empty(shape.out);

    // a depth of 0 is a depth of 1 with zeros: the sum starts from the bias as always
    const isHollow = shape.a.at(-1) === 0;
    const deep = (dims: readonly number[], axis: number): readonly number[] =>
      isHollow ? dims.map((dim, i) => (i === dims.length + axis ? 1 : dim)) : dims;
    const operand = ({ data }: Tensor<Float32Array>, dims: readonly number[], axis: number): KernelInput => {
      const own = deep(dims, axis);
      return { data: isHollow ? new Float32Array(sizeOfDims(own)) : data, dims: own };
    };
    const axisB = transposed ? -1 : -2;
    const inputs: Record<string, KernelInput> = { a: operand(x, shape.a, -1) };
    if (y) inputs.b = operand(y, shape.b, axisB);
    if (bias) inputs.bias = bias;
    if (residual) inputs.residual = { data: residual.data, dims: shape.result };
    return this.one(
      op,
      `${weight?.name ?? ''}|${transposed} ${act} ${Object.keys(inputs).join()}|${shape.aFull.join('x')} ${shape.bFull.join('x')}`,
      inputs,
      shape.out,
      (g) => {
        const right: Operand = weight ?? pack(broadcastTo(g.b, deep(shape.bFull, axisB)), { transposed });
        return matmul(broadcastTo(g.a, deep(shape.aFull, -1)), right, {
          bias: g.bias,
          activation: act,
          residual: g.residual,
        });
      },
    );
  }

  /** softmax(scale q k^T + mask) v; "Attention is all you need", 3.2. A query that may attend to nothing gives zeros.
   *  @param q [batch, heads, queries, size], or without the batch
   *  @param k [batch, kvHeads, keys, size]; heads is a multiple of kvHeads, which groups of heads share
   *  @param v [batch, kvHeads, keys, sizeV]
   *  @returns [batch, heads, queries, sizeV]; with outputAttentions also the probabilities [batch, heads, queries, keys] */
  attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: AttentionOptions & { outputAttentions: true },
  ): { output: F32; attentions: F32 };
  attention(q: Tensor, k: Tensor, v: Tensor, options?: AttentionOptions & { outputAttentions?: false }): F32;
  attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: AttentionOptions & { outputAttentions?: boolean } = {},
  ): F32 | { output: F32; attentions: F32 } {
    this.check();
    const op = 'attention';
    const [queries, keys, values] = [floats(op, 'q', q), floats(op, 'k', k), floats(op, 'v', v)];
    const shape = attentionShape(queries.dims, keys.dims, values.dims);
    const mask = attentionMask(options.mask, shape);
    const causal = flag(op, 'causal', options.causal ?? false);
    const maps = flag(op, 'outputAttentions', options.outputAttentions ?? false);
    const scale = numberOf(op, 'scale', options.scale ?? 1 / Math.sqrt(shape.sizeK));
    const { batch, heads, sizeK, sizeV } = shape;
    const [units, keyUnits] = [batch * heads, batch * shape.kvHeads];
    if (units * shape.queries === 0 || (sizeV === 0 && !maps)) {
      return maps ? { output: empty(shape.out), attentions: empty(shape.maps) } : empty(shape.out);
    }
    const inputs: Record<string, KernelInput> = {
      q: { data: queries.data, dims: [units * shape.queries, sizeK] },
      k: { data: keys.data, dims: [keyUnits * shape.keys, sizeK] },
      v: { data: values.data, dims: [keyUnits * shape.keys, sizeV] },
      pages: { data: headPages(shape), dims: [keyUnits] },
      stored: { data: (address) => keySegments(shape, address('pages')), dims: [keyUnits, 8] },
      segments: { data: (address) => headSegments(shape, mask, address('pages')), dims: [units, 8] },
    };
    if (mask) inputs.mask = { data: mask.data, dims: [mask.data.length] };
    const results = this.guarded(() =>
      this.runner.run<'output' | 'attentions'>({
        op,
        attrs: `${causal} ${maps} ${scale} ${mask?.strides[2]} ${shape.keys} ${shape.queries}`,
        inputs,
        outputs: maps ? { output: shape.out, attentions: shape.maps } : { output: shape.out },
        sizes: {
          [LONGEST.symbol]: shape.keys,
          [MAP.symbol]: units * shape.queries * shape.keys,
          [SLOTS.symbol]: keyUnits * pageTokens(shape),
        },
        record: (g) => {
          const added = g.mask ? { value: g.mask, headStride: 0, queryStride: mask!.strides[2] } : null;
          const kv = storeKv(g.k, g.v, g.stored, { kvHeads: 1 });
          const result = attention(g.q, kv, g.segments, { heads: 1, causal, scale, maps, mask: added });
          return result.maps ? { output: result.out, attentions: result.maps } : { output: result.out };
        },
      }),
    );
    const output = new Tensor(results.output, shape.out);
    return maps ? { output, attentions: new Tensor(results.attentions, shape.maps) } : output;
  }

  // ---- along one dim ----

  /** exp(x) / sum of exp(x) along an axis. A row of nothing but -Infinity gives zeros. */
  softmax(x: Tensor, options: { axis?: number } = {}): F32 {
    this.check();
    const { data, dims } = floats('softmax', 'x', x);
    if (dims.length === 0) shapeError('softmax', 'x needs at least one dim', dims);
    const axis = axisOf('softmax', options.axis ?? -1, dims);
    return this.one('softmax', String(axis), { x: { data, dims } }, dims, (g) => softmax(g.x, axis));
  }

  /** (x - mean) / sqrt(variance + eps) * weight + bias over the last dim; nn.LayerNorm.
   *  @param weight [d], @param bias [d] */
  layerNorm(x: Tensor, weight?: Tensor | null, bias?: Tensor | null, options: { eps?: number } = {}): F32 {
    return this.norm('layerNorm', x, weight, bias, options.eps ?? 1e-5);
  }

  /** x / sqrt(mean(x^2) + eps) * weight over the last dim; nn.RMSNorm.
   *  @param weight [d] */
  rmsNorm(x: Tensor, weight?: Tensor | null, options: { eps?: number } = {}): F32 {
    return this.norm('rmsNorm', x, weight, null, options.eps ?? 1e-6);
  }

  /** x / max(|x|, eps) over the last dim; nn.functional.normalize. `axis` may only name that one. */
  l2Normalize(x: Tensor, options: { axis?: number; eps?: number } = {}): F32 {
    this.check();
    const op = 'l2Normalize';
    const { data, dims } = floats(op, 'x', x);
    const axis = axisOf(op, options.axis ?? -1, dims);
    if (axis !== dims.length - 1)
      shapeError(op, `axis must be the last one, not ${options.axis}: transpose first`, dims);
    const eps = numberOf(op, 'eps', options.eps ?? 1e-12, 0);
    return this.one(op, String(eps), { x: { data, dims } }, dims, (g) => l2Normalize(g.x, eps));
  }

  /** The sum; of nothing it is 0. */
  sum(x: Tensor, options: ReduceOptions = {}): F32 {
    return this.reduce('sum', x, options);
  }

  /** The mean; of nothing it is NaN. */
  mean(x: Tensor, options: ReduceOptions = {}): F32 {
    return this.reduce('mean', x, options);
  }

  /** The largest element, NaN if there is a NaN; of nothing an error. */
  max(x: Tensor, options: ReduceOptions = {}): F32 {
    return this.reduce('max', x, options);
  }

  /** The smallest element, NaN if there is a NaN; of nothing an error. */
  min(x: Tensor, options: ReduceOptions = {}): F32 {
    return this.reduce('min', x, options);
  }

  /** One row for each sequence. `cls` and `lastToken` are the first and last token that counts; a sequence without one gives zeros.
   *  @param hidden [batch, tokens, d]
   *  @param mask integers [batch, tokens], nonzero for a token that counts. Default: all count
   *  @param kind mean, cls, max, meanSqrtLen (sum over the square root of the length) or lastToken
   *  @returns [batch, d] */
  pool(hidden: Tensor, mask?: Tensor | null, kind: Pooling = 'mean'): F32 {
    this.check();
    const { data, dims } = floats('pool', 'hidden', hidden);
    if (dims.length !== 3) shapeError('pool', 'hidden must be [batch, tokens, d]', dims);
    oneOf('pool', 'the kind', kind, POOLINGS);
    const [batch, tokens, d] = dims;
    const { segments, rows } = poolRows(mask, batch, tokens);
    const inputs: Record<string, KernelInput> = {
      x: { data, dims: [batch * tokens, d] },
      segments: { data: segments, dims: [batch, 8] },
    };
    if (rows) inputs.rows = { data: rows, dims: [rows.length] };
    return this.one(
      'pool',
      kind,
      inputs,
      [batch, d],
      (g) => pool(g.rows ? gather(g.x, g.rows) : g.x, g.segments, kind),
      { [SEQUENCES.symbol]: batch },
    );
  }

  // ---- element by element ----

  /** GELU: x times the normal distribution's share below x, or its tanh approximation. */
  gelu(x: Tensor, options: { approximate?: 'none' | 'tanh' } = {}): F32 {
    this.check();
    const approximate = oneOf('gelu', 'approximate', options.approximate ?? 'none', ['none', 'tanh']);
    return this.unary('gelu', x, approximate === 'tanh' ? 'geluTanh' : 'gelu');
  }

  relu(x: Tensor): F32 {
    return this.unary('relu', x);
  }

  /** x sigmoid(x). */
  silu(x: Tensor): F32 {
    return this.unary('silu', x);
  }

  tanh(x: Tensor): F32 {
    return this.unary('tanh', x);
  }

  sigmoid(x: Tensor): F32 {
    return this.unary('sigmoid', x);
  }

  exp(x: Tensor): F32 {
    return this.unary('exp', x);
  }

  /** a + b with numpy's broadcasting, as the five that follow. */
  add(a: Tensor, b: Tensor): F32 {
    return this.arithmetic('add', a, b);
  }

  sub(a: Tensor, b: Tensor): F32 {
    return this.arithmetic('sub', a, b);
  }

  mul(a: Tensor, b: Tensor): F32 {
    return this.arithmetic('mul', a, b);
  }

  div(a: Tensor, b: Tensor): F32 {
    return this.arithmetic('div', a, b);
  }

  /** The larger one, NaN where an operand is NaN. */
  maximum(a: Tensor, b: Tensor): F32 {
    return this.arithmetic('maximum', a, b);
  }

  /** The smaller one, NaN where an operand is NaN. */
  minimum(a: Tensor, b: Tensor): F32 {
    return this.arithmetic('minimum', a, b);
  }

  // ---- rearranging ----

  /** Rows of a table.
   *  @param table [n, d]
   *  @param rows integers from 0 to n - 1, any dims
   *  @returns [...rows, d] */
  embedding(table: Tensor, rows: Tensor): F32 {
    this.check();
    const { data, dims } = floats('embedding', 'table', table);
    if (dims.length !== 2) shapeError('embedding', 'the table must be [n, d]', dims);
    const chosen = ids('embedding', 'ids', rows, dims[0]);
    return this.one('embedding', '', { table: { data, dims }, ids: chosen }, [...chosen.dims, dims[1]], (g) =>
      gather(g.table, g.ids),
    );
  }

  /** Dim i of the result is dim perm[i] of x. Default: all dims in reverse order. */
  transpose(x: Tensor, perm?: readonly number[]): F32 {
    this.check();
    const { data, dims } = floats('transpose', 'x', x);
    if (perm !== undefined && !Array.isArray(perm)) invalid('transpose', 'perm must be an array of axes');
    const order = perm ? perm.map((axis) => axisOf('transpose', axis, dims)) : dims.map((_, i) => i).reverse();
    if (order.length !== dims.length || new Set(order).size !== order.length)
      shapeError('transpose', `perm [${order.join(', ')}] must name every dim once`, dims);
    return this.one(
      'transpose',
      order.join(),
      { x: { data, dims } },
      order.map((axis) => dims[axis]),
      (g) => transpose(g.x, order),
    );
  }

  /** Tensors one behind another along an axis; their other dims must be equal. */
  concat(tensors: readonly Tensor[], options: { axis?: number } = {}): F32 {
    this.check();
    if (!Array.isArray(tensors) || tensors.length === 0)
      return invalid('concat', 'tensors must be an array of at least one');
    const parts = tensors.map((x: Tensor, i) => floats('concat', `tensor ${i}`, x));
    const [first] = parts;
    const axis = axisOf('concat', options.axis ?? 0, first.dims);
    for (const { dims } of parts) {
      const fits = dims.length === first.dims.length && dims.every((dim, i) => i === axis || dim === first.dims[i]);
      if (!fits) shapeError('concat', `all dims but dim ${axis} must be equal`, first.dims, dims);
    }
    const dims = first.dims.map((dim, i) => (i === axis ? parts.reduce((sum, part) => sum + part.dims[axis], 0) : dim));
    const inputs = Object.fromEntries(parts.filter((part) => part.data.length > 0).map((part, i) => [`x${i}`, part]));
    return this.one('concat', String(axis), inputs, dims, (g) => concat(Object.values(g), axis));
  }

  /** x[starts[0] : ends[0] : steps[0], ...] with Python's rules: negative bounds count from the end, null is the default. Dims
   *  beyond the lists are taken whole; steps may be negative. */
  slice(
    x: Tensor,
    starts: readonly (number | null)[],
    ends: readonly (number | null)[] = [],
    steps: readonly (number | null)[] = [],
  ): F32 {
    this.check();
    const { data, dims } = floats('slice', 'x', x);
    const shape = sliceShape(dims, starts, ends, steps);
    const attrs = `${shape.starts.join()} ${shape.counts.join()} ${shape.steps.join()}`;
    return this.one('slice', attrs, { x: { data, dims } }, shape.counts, (g) =>
      slice(g.x, shape.starts, shape.counts, shape.steps),
    );
  }

  /** 16-bit floats, given as their bits, as float32.
   *  @returns [data.length] */
  toFloat32(data: Uint16Array, type: HalfType): F32 {
    this.check();
    if (!(data instanceof Uint16Array)) return invalid('toFloat32', 'data must be a Uint16Array of the bits');
    oneOf('toFloat32', 'the type', type, ['f16', 'bf16']);
    const n = data.length;
    return this.one('toFloat32', `${type} ${n}`, { bits: { data, dims: [Math.ceil(n / 2)] } }, [n], (g) =>
      convert(g.bits, type, n),
    );
  }

  // ---- what they share ----

  private unary(op: string, x: Tensor, kind: Activation = op as Activation): F32 {
    this.check();
    const { data, dims } = floats(op, 'x', x);
    return this.one('unary', kind, { x: { data, dims: [data.length] } }, dims, (g) => activation(g.x, kind));
  }

  private arithmetic(kind: Arithmetic, a: Tensor, b: Tensor): F32 {
    this.check();
    const x = floats(kind, 'a', a);
    const y = floats(kind, 'b', b);
    const dims = broadcastDims(x.dims, y.dims) as number[] | null;
    if (!dims) return shapeError(kind, 'dims must be equal or 1, aligned at the last', x.dims, y.dims);
    return this.one(kind, '', { a: x, b: y }, dims, (g) => binary(g.a, g.b, kind));
  }

  private norm(
    op: 'layerNorm' | 'rmsNorm',
    x: Tensor,
    weight: Tensor | null | undefined,
    bias: Tensor | null | undefined,
    epsilon: number,
  ): F32 {
    this.check();
    const { data, dims } = floats(op, 'x', x);
    if (dims.length === 0) shapeError(op, 'x needs at least one dim', dims);
    const d = dims.at(-1)!;
    const eps = numberOf(op, 'eps', epsilon, 0);
    const inputs: Record<string, KernelInput> = { x: { data, dims } };
    const scale = vector(op, 'weight', weight, d);
    const shift = vector(op, 'bias', bias, d);
    if (scale) inputs.weight = scale;
    if (shift) inputs.bias = shift;
    return this.one(op, `${eps} ${Object.keys(inputs).join()}`, inputs, dims, (g) =>
      op === 'layerNorm' ? layerNorm(g.x, g.weight ?? null, g.bias ?? null, eps) : rmsNorm(g.x, g.weight ?? null, eps),
    );
  }

  private reduce(kind: Reduction, x: Tensor, options: ReduceOptions): F32 {
    this.check();
    const { data, dims } = floats(kind, 'x', x);
    const axes = axesOf(kind, options.axis, dims);
    const shape = reductionShape(dims, axes, flag(kind, 'keepDims', options.keepDims ?? false));
    if (sizeOfDims(shape.out) === 0) return empty(shape.out);
    if (shape.count === 0) {
      if (kind === 'max' || kind === 'min') shapeError(kind, `there is no ${kind} of nothing`, dims);
      return new Tensor(new Float32Array(sizeOfDims(shape.out)).fill(kind === 'sum' ? 0 : NaN), shape.out);
    }
    return this.one(kind, `${shape.perm?.join()} ${shape.from}`, { x: { data, dims: shape.groups } }, shape.out, (g) =>
      reduce(shape.perm ? transpose(g.x, shape.perm) : g.x, kind, shape.from, shape.to),
    );
  }

  private weightOf(weight: PackedWeight): Weight {
    const found = this.weights.get(weight);
    if (!found)
      throw new WasmformerError('DISPOSED', 'matmul: this packed weight was disposed, or belongs to other kernels');
    return found;
  }
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** Compiles a core and starts its threads. Throws INVALID_ARGUMENT, and UNSUPPORTED_PLATFORM without WebAssembly SIMD or where
 *  build 'relaxed' is asked for and there is none. */
export async function createKernels(options: KernelsOptions = {}): Promise<Kernels> {
  const core = await Core.create(coreOptionsOf(options));
  if (options.build === 'relaxed' && !core.build.startsWith('relaxed')) {
    core.dispose();
    throw new WasmformerError(
      'UNSUPPORTED_PLATFORM',
      "this JavaScript engine has no relaxed SIMD: leave out build: 'relaxed'",
    );
  }
  return new Kernels(core);
}

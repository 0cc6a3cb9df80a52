// Figures of single kernels. Each gives the contenders of one comparison: functions that run once.
import { randomFloats } from '../measure.mjs';

const HEADS = 12;
const HEAD_SIZE = 64;
const ROWS = 4096;
const COLUMNS = 1024;
const EPSILON = 1e-12;

/** The peers on models/MODEL with the f32 inputs given, in order. */
async function peersOn({ litert, onnxruntime }, model, inputs) {
  const named = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
  const opened = {
    'LiteRT.js': await litert.open(model, inputs),
    'onnxruntime-web': await onnxruntime.open(model, named),
    // What its run spends on copying inputs and outputs, which the others do not do here: subtracted.
    copies: await onnxruntime.open(`copies-${model}`, named),
  };
  const contenders = Object.fromEntries(Object.entries(opened).map(([name, { run }]) => [name, run]));
  return { contenders, close: () => Promise.all(Object.values(opened).map(({ close }) => close())) };
}

const input = (dims, seed) => ({
  dims,
  data: randomFloats(
    dims.reduce((a, b) => a * b),
    seed,
  ),
});

function matmul(m, n, k, build) {
  const flops = 2 * m * n * k;
  return {
    name: `matmul ${m}x${n}x${k}${build === 'base' ? ' (baseline build)' : ''}`,
    flops,
    revectorize: build === 'relaxed',
    async open({ peers, kernels, ceilings }) {
      const a = input([m, k], 1);
      const { contenders, close } =
        build === 'relaxed' ? await peersOn(peers, `matmul-${m}x${n}x${k}`, [a]) : { contenders: {}, close: () => {} };
      if (kernels) {
        const { kernels: ops, Tensor, time } = kernels[build];
        const x = new Tensor(a.data, a.dims);
        const weight = ops.pack(new Tensor(randomFloats(n * k, 2), [n, k]));
        contenders.ours = () => time(() => ops.matmul(x, weight));
      }
      contenders.ceiling = ceilings[build].contender(flops);
      return { contenders, close };
    },
  };
}

function attention(tokens) {
  return {
    name: `attention ${HEADS} heads of ${HEAD_SIZE}, ${tokens} tokens`,
    flops: 4 * HEADS * tokens * tokens * HEAD_SIZE,
    async open({ peers, kernels, ceilings }) {
      const inputs = [1, 2, 3].map((seed) => input([1, HEADS, tokens, HEAD_SIZE], seed));
      const { contenders, close } = await peersOn(peers, `attention-${tokens}`, inputs);
      if (kernels) {
        const { kernels: ops, Tensor, time } = kernels.relaxed;
        const [query, key, value] = inputs.map(({ data, dims }) => new Tensor(data, dims));
        contenders.ours = () => time(() => ops.attention(query, key, value, {}));
      }
      contenders.ceiling = ceilings.relaxed.contender(this.flops);
      return { contenders, close };
    },
  };
}

/** A kernel that reads and writes 16 MB, beside copying them once. */
function rowwise(name, model, run) {
  return {
    name: `${name} ${ROWS}x${COLUMNS}`,
    async open({ peers, kernels, copy }) {
      const x = input([ROWS, COLUMNS], 1);
      const { contenders, close } = await peersOn(peers, `${model}-${ROWS}x${COLUMNS}`, [x]);
      if (kernels) {
        const { kernels: ops, Tensor, time } = kernels.relaxed;
        const work = run(ops, new Tensor(x.data, x.dims), Tensor);
        contenders.ours = () => time(work);
      }
      contenders.copy = copy;
      return { contenders, close };
    },
  };
}

export const kernelFigures = [
  ...['relaxed', 'base'].flatMap((build) => [
    matmul(512, 768, 3072, build),
    matmul(128, 1536, 384, build),
    matmul(1024, 1024, 1024, build),
  ]),
  attention(128),
  attention(512),
  rowwise('softmax', 'softmax', (ops, x) => () => ops.softmax(x, { axis: -1 })),
  rowwise('layer norm', 'layer_norm', (ops, x, Tensor) => {
    const weight = new Tensor(new Float32Array(COLUMNS).fill(1), [COLUMNS]);
    const bias = new Tensor(new Float32Array(COLUMNS), [COLUMNS]);
    return () => ops.layerNorm(x, weight, bias, EPSILON);
  }),
];

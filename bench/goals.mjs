// The ratios that the project promises, by figure, rival, thread count and class of Node.
//
// `atLeast` is a ratio of speeds (the rival's time over ours), `atMost` one of times (ours over the rival's) or, without
// a rival, the value itself. The pair of numbers is for [Node 24 and later, Node 20]; null where nothing is promised.

const MATMULS = ['matmul 512x768x3072', 'matmul 128x1536x384', 'matmul 1024x1024x1024'];
const DECODERS = ['GPT-2', 'SmolLM-135M'];
const OVER_ONNX = { 'GPT-2': 1.15, 'SmolLM-135M': 1.3 };
const ONE = [1];
const BOTH = [1, 2];

const goals = [
  ...MATMULS.flatMap((figure) => [
    { figure, rival: 'ceiling', threads: ONE, atLeast: [0.95, 0.9] },
    { figure: `${figure} (baseline build)`, rival: 'ceiling', threads: ONE, atLeast: [0.92, 0.9] },
    { figure, rival: 'ours, 1 thread', threads: [2], atLeast: [1.9, 1.85] },
  ]),
  { figure: MATMULS[0], rival: 'LiteRT.js', threads: ONE, atLeast: [1.05, null] },
  { figure: MATMULS[2], rival: 'LiteRT.js', threads: ONE, atLeast: [1.05, null] },
  { figure: 'layer norm 4096x1024', rival: 'copy', threads: ONE, atLeast: [0.6, 0.5] },
  { figure: 'softmax 4096x1024', rival: 'copy', threads: ONE, atLeast: [0.35, 0.3] },
  { figure: 'MiniLM 1x128', rival: 'ours, 1 thread', threads: [2], atLeast: [1.9, 1.85] },
  { figure: 'MiniLM 1x128', rival: 'LiteRT.js', threads: BOTH, atMost: [0.78, null] },
  { figure: 'MiniLM 1x16', rival: 'LiteRT.js', threads: ONE, atMost: [0.75, null] },
  { figure: 'MiniLM 1x128', rival: 'LiteRT.js, flag off', threads: BOTH, atMost: [0.56, null] },
  { figure: 'MiniLM 1x16', rival: 'LiteRT.js, flag off', threads: ONE, atMost: [0.58, null] },
  { figure: 'MiniLM 1x128', rival: 'onnxruntime-web', threads: BOTH, atMost: [0.57, 0.6] },
  { figure: 'MiniLM 8x128', rival: 'onnxruntime-web', threads: ONE, atMost: [0.57, 0.6] },
  { figure: 'MiniLM 1x16', rival: 'onnxruntime-web', threads: ONE, atMost: [0.57, 0.62] },
  { figure: 'MiniLM 64 texts of 5 to 128', rival: 'onnxruntime-web', threads: ONE, atMost: [0.4, 0.42] },
  ...DECODERS.flatMap((shape) => [
    {
      figure: `${shape} decode at 128`,
      rival: 'onnxruntime-web',
      threads: BOTH,
      atLeast: [OVER_ONNX[shape], null],
    },
    { figure: `${shape} decode at 128`, rival: 'memory read', threads: ONE, atLeast: [0.85, null] },
    { figure: `${shape} decode at 128, f16`, rival: 'ours, f32', threads: ONE, atLeast: [1.7, null] },
    { figure: `${shape} prefill 128`, rival: 'onnxruntime-web', threads: ONE, atLeast: [1.7, null] },
    { figure: `${shape}, 4 beams`, rival: 'ours, greedy', atMost: [2.2, null] },
    { figure: `${shape}, 8 prompts`, rival: 'ours, one by one', atLeast: [3, null] },
  ]),
  { figure: 'SmolLM-135M decode at 4096', rival: 'ours, at 128', threads: ONE, atLeast: [0.7, null] },
  { figure: 'stories260K decode, time outside wasm, %', atMost: [25, null] },
  { figure: 'start to first result over an empty process, ms', atMost: [25, null] },
  { figure: 'the same in a worker with 2 threads, ms', atMost: [90, null] },
  { figure: "our start over onnxruntime-web's", atMost: [0.1, null] },
  { figure: 'MiniLM from file to ready, over reading and copying it', atMost: [2.5, null] },
  { figure: 'abort to rejection, at most, ms', atMost: [50, null] },
  { figure: 'peak memory of loading MiniLM over its f32 size', atMost: [1.6, null] },
  { figure: 'pages of wasm grown in 900 forwards', atMost: [0, null] },
  { figure: 'resident memory grown in 900 forwards, %', atMost: [2, null] },
  { figure: 'resident memory grown in 9,000 requests of 4 clients, %', atMost: [3, null] },
];

/** The goal of a row: { kind: 'atLeast' | 'atMost', value } or undefined. With V8's flag on only flagged rows have one. */
export function goalOf({ figure, rival, threads, node, revectorize = false }) {
  const major = Number(/\d+/.exec(node)[0]);
  const column = major >= 24 ? 0 : major === 20 ? 1 : undefined;
  if (column === undefined || revectorize !== (rival === 'LiteRT.js, flag off')) return undefined;
  const goal = goals.find(
    (entry) => entry.figure === figure && entry.rival === rival && (!entry.threads || entry.threads.includes(threads)),
  );
  const kind = goal?.atLeast ? 'atLeast' : 'atMost';
  const value = goal?.[kind][column];
  return value === undefined || value === null ? undefined : { kind, value };
}

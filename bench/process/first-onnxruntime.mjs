// From the start of a process to the first embedding of a tiny model by onnxruntime-web.
import { startOnnxRuntime } from '../peers/onnxruntime.mjs';

const int64 = (values) => ({ data: BigInt64Array.from(values), dims: [1, values.length] });
const { open } = await startOnnxRuntime(1);
const { run } = await open('tiny', { input_ids: int64([1n, 2n, 3n]), attention_mask: int64([1n, 1n, 1n]) });
await run();
process.exit(0);

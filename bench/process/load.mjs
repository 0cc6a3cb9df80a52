// Loads MiniLM and reports the most memory that the process ever held.
import { openEncoder } from '../ours.mjs';

const { encoder, close } = await openEncoder('minilm', { threads: 1 });
await encoder.embed({ inputIds: [[1, 2, 3]] });
process.send({ peak: process.resourceUsage().maxRSS * 1024 });
await close();

// From the start of a process to the first embedding of a tiny model.
import { openEncoder } from '../ours.mjs';

const { encoder } = await openEncoder('tiny', { threads: 1 });
await encoder.embed({ inputIds: [[1, 2, 3]] });
process.exit(0);

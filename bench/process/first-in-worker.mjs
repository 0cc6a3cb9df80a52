// From the start of a process to the first embedding of a tiny model, in a worker and with two threads.
import { openClients } from '../ours.mjs';

const { clients } = await openClients(1, { threads: 2 });
await clients[0].embed({ inputIds: [[1, 2, 3]] });
process.exit(0);

// 10,000 requests through 4 models of one engine: what the process grows by after the first thousand.
import { openClients } from '../ours.mjs';

const REQUESTS = 10_000;
const FIRST = 1000;
const WORDS = 'the keeper of a lighthouse counts ships that pass the harbour in every evening of the long winter'.split(
  ' ',
);

const { clients, close } = await openClients(4);
const text = (n) => Array.from({ length: 3 + (n % 21) }, (_, i) => WORDS[(n * 7 + i * i) % WORDS.length]).join(' ');
let sent = 0;
let before = 0;
await Promise.all(
  clients.map(async (client) => {
    while (sent < REQUESTS) {
      await client.embed(text(sent++));
      if (sent === FIRST) before = process.memoryUsage.rss();
    }
  }),
);
process.send({ growth: (process.memoryUsage.rss() / before - 1) * 100 });
await close();

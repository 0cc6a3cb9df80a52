// The bench: ours beside the peers and the machine's ceiling, every comparison within one process.
//
// usage: node bench/run.mjs [--only SUBSTRING | processes] [--threads 1,2] [--node PATH]... [--quick] [--peers-only]
//
// For each Node (this one and the newest, installed by setup.mjs) and thread count it starts a process that alternates
// the contenders and keeps their least times; on Node 24 and later once more with V8's revectoriser on, and one process
// for each shape of decoder. Prints a table and adds a line to history.jsonl.
import { execFileSync, fork } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decoderNames } from './figures/decoders.mjs';
import { built } from './ours.mjs';
import { bench, history, models, newestNode, root } from './paths.mjs';
import { measureProcesses } from './process/measure.mjs';
import { printProcesses, printRun } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    node: { type: 'string', multiple: true, default: [process.execPath, newestNode] },
    quick: { type: 'boolean', default: false },
    'peers-only': { type: 'boolean', default: false },
  },
});
const peersOnly = options['peers-only'];
if (!existsSync(models) || !existsSync(newestNode)) throw new Error('Run `npm run bench:setup` first.');
if (!peersOnly && !built()) throw new Error('Run `npm run build` first, or give --peers-only.');

function runChild(node, suite, threads, revectorize) {
  const { only, quick } = options;
  const args = [JSON.stringify({ suite, threads, revectorize, only, quick, peersOnly })];
  // The flag is on for everybody in the process: LiteRT.js gains from it too.
  const execArgv = revectorize ? ['--experimental-wasm-revectorize'] : [];
  return new Promise((resolve, reject) => {
    const child = fork(join(bench, 'child.mjs'), args, { execPath: node, execArgv });
    child.on('message', (message) => resolve({ suite, threads, revectorize, ...message }));
    child.on('exit', (code) => reject(new Error(`The process of ${node} ended with code ${code} and no results.`)));
  });
}

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const version = (node) => execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();

// Others at work on the machine make every figure worth less, and even the least of many runs does not undo it.
const load = os.loadavg()[0];
if (load > 0.5) console.warn(`The machine is busy (load ${load.toFixed(1)}): do not trust this run.`);

const runs = [];
const processes = {};
for (const node of options.node) {
  const modern = Number(/\d+/.exec(version(node))[0]) >= 24;
  const suites = [['encoders', false]];
  if (modern) suites.push(['encoders', true], ...decoderNames.map((name) => [name, false]));
  for (const [suite, revectorize] of suites) {
    for (const threads of options.threads.split(',').map(Number)) {
      const run = await runChild(node, suite, threads, revectorize);
      if (run.results.length === 0) continue;
      runs.push(run);
      printRun(run, runs);
    }
  }
  if (!peersOnly && (!options.only || 'processes'.includes(options.only))) {
    processes[version(node)] = await measureProcesses(node, options.quick);
    printProcesses(version(node), processes[version(node)]);
  }
}

const line = {
  date: new Date().toISOString(),
  commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') ? '+' : ''),
  cpu: os.cpus()[0].model,
  load,
  quick: options.quick,
  runs,
  processes,
};
appendFileSync(history, `${JSON.stringify(line)}\n`);

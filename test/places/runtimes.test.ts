// Node of every supported line, Deno, Bun and workerd.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HubServer } from '../support/hub-server';
import { programOf, type Findings } from './page/program';
import { APP, expectFindings, freePort, inPlaces, run, startHub, TEXT, until } from './places';

let hub: HubServer;

beforeAll(async () => {
  hub = await startHub();
  writeFileSync(join(APP, 'program.js'), programOf());
  writeFileSync(
    join(APP, 'main.js'),
    `import { findings } from './program.js';
const [endpoint, text, options] = process.argv.slice(2);
console.log(JSON.stringify(await findings(endpoint, text, JSON.parse(options))));
`,
  );
});

afterAll(() => hub?.close());

const modules = (...path: string[]): string => inPlaces('runtimes', 'node_modules', ...path);
const RUNTIMES: [name: string, command: string, args: string[]][] = [
  ['this Node', process.execPath, []],
  ['Node 22', modules('node22/bin/node'), []],
  ['Node 24', modules('node24/bin/node'), []],
  ['the newest Node', modules('node-newest/bin/node'), []],
  ['Deno', modules('@deno/linux-x64-glibc/deno'), ['run', '-A', '--no-prompt']],
  ['Bun', modules('bun/bin/bun.exe'), []],
];

describe.each(RUNTIMES)('%s', (_, command, args) => {
  it.each([
    [{}, true],
    [{ threads: 2 }, true],
    [{ worker: false, threads: 1 }, false],
    [{ worker: false, threads: 2 }, false],
  ])('embeds and generates with %j, and ends by itself', async (options, worker) => {
    const { stdout } = await run(command, [...args, 'main.js', hub.url, TEXT, JSON.stringify(options)], {
      cwd: APP,
      timeout: 60_000,
    });
    const found = JSON.parse(stdout) as Findings;
    expectFindings(found);
    expect(found.info).toMatchObject({ worker, ...('threads' in options ? { threads: options.threads } : {}) });
  });
});

// The optimising compiler meets a function only once it is busy: here it compiles all of the core before anything runs.
// A bug of V8's in it would end the process.
describe.each([
  ['Node 24', modules('node24/bin/node')],
  ['the newest Node', modules('node-newest/bin/node')],
])('%s with the revectoriser', (_, command) => {
  it.each([
    { threads: 2 },
    { threads: 2, relaxedSimd: false },
    { threads: 1, worker: false },
    { threads: 1, worker: false, relaxedSimd: false },
  ])('compiles every function and embeds and generates with %j', async (options) => {
    const program = ['main.js', hub.url, TEXT, JSON.stringify({ ...options, revectorize: true })];
    const { stdout } = await run(command, ['--no-liftoff', '--no-wasm-lazy-compilation', ...program], {
      cwd: APP,
      timeout: 60_000,
    });
    expectFindings(JSON.parse(stdout) as Findings);
  });
});

describe('workerd', () => {
  let workerd: ChildProcess | undefined;
  let url: string;

  beforeAll(async () => {
    const folder = inPlaces('workerd');
    mkdirSync(folder, { recursive: true });
    const dist = join(APP, 'node_modules/wasmformer/dist');
    cpSync(join(dist, 'edge/index.js'), join(folder, 'wasmformer.js'));
    cpSync(join(dist, 'wasm/relaxed.wasm'), join(folder, 'relaxed.wasm'));
    writeFileSync(join(folder, 'program.js'), programOf('./wasmformer.js'));
    writeFileSync(
      join(folder, 'worker.js'),
      `import { findings } from './program.js';
import module from './relaxed.wasm';
export default {
  async fetch(request) {
    if (request.method === 'GET') return new Response('ready');
    const { endpoint, text } = await request.json();
    return Response.json(await findings(endpoint, text, { module }));
  },
};
`,
    );
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    writeFileSync(
      join(folder, 'config.capnp'),
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "program.js", esModule = embed "program.js"),
    (name = "wasmformer.js", esModule = embed "wasmformer.js"),
    (name = "relaxed.wasm", wasm = embed "relaxed.wasm"),
  ],
  compatibilityDate = "2026-01-01",
);
`,
    );
    workerd = spawn(modules('.bin/workerd'), ['serve', 'config.capnp'], { cwd: folder, stdio: 'inherit' });
    await until(() => fetch(url));
  });

  afterAll(() => {
    workerd?.kill();
  });

  it('embeds and generates in one thread, with a module imported ahead', async () => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ endpoint: hub.url, text: TEXT }) });
    const found = (await response.json()) as Findings;
    expectFindings(found);
    expect(found.info).toEqual({ build: 'relaxed', threads: 1, worker: false });
  });
});

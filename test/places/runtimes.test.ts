// Node of every supported line, Deno, Bun and workerd.
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server';
import { programOf, type Findings } from './page/program';
import { APP, expectFindings, freePort, inPlaces, root, run, startHub, TEXT, until } from './places';

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

// A connection that ends behind a body which waits to be read ended Node 22 and 24.
it.each(RUNTIMES)('%s downloads from a server that closes every connection', async (name, command, args) => {
  const read = (file: string) => readFileSync(join(root, 'test/golden/encoders/sentence-mean', file));
  const files = Object.fromEntries(
    ['config.json', 'model.safetensors', 'tokenizer.json'].map((file) => [file, read(file)]),
  );
  // as large as those of real models
  files['tokenizer.json'] = Buffer.concat([files['tokenizer.json'], Buffer.alloc(1e6, ' ')]);
  const closing = await startHubServer({ repos: { 'tests/large': files }, headers: { Connection: 'close' } });
  const cacheDir = mkdtempSync(join(tmpdir(), 'wasmformer-closing-'));
  try {
    const file = join(APP, 'downloads.js');
    writeFileSync(
      file,
      `import { Encoder } from 'wasmformer';
const [endpoint, cacheDir] = process.argv.slice(2);
for (let i = 0; i < 20; i++) await Encoder.fromPretrained('tests/large', { endpoint, cacheDir: cacheDir + '/' + i, worker: false });
console.log('done');
`,
    );
    const { stdout } = await run(command, [...args, file, closing.url, cacheDir], { cwd: APP, timeout: 60_000 });
    expect([name, stdout]).toEqual([name, 'done\n']);
  } finally {
    await closing.close();
    rmSync(cacheDir, { recursive: true, force: true });
  }
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

// Figures of whole processes: start time (beside onnxruntime-web's), peak memory, steady state.
import { fork, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { elapsed } from '../measure.mjs';
import { bench, models, stories } from '../paths.mjs';

const script = (name) => join(bench, 'process', `${name}.mjs`);

/** Runs a script and gives the message that it sends. */
function report(node, name, execArgv = []) {
  return new Promise((resolve, reject) => {
    const child = fork(script(name), [], { execPath: node, execArgv });
    child.on('message', resolve);
    child.on('exit', (code) => reject(new Error(`${name}.mjs ended with code ${code} and no report`)));
  });
}

function startTime(node, runs) {
  const names = ['empty', 'first-result', 'first-in-worker', 'first-onnxruntime'];
  const least = Object.fromEntries(names.map((name) => [name, Infinity]));
  for (let i = 0; i < runs; i++) {
    for (const name of names) {
      const ms = elapsed(() => {
        const { status, stderr } = spawnSync(node, [script(name)], { encoding: 'utf8' });
        if (status !== 0) throw new Error(`${name}.mjs: ${stderr}`);
      });
      least[name] = Math.min(least[name], ms);
    }
  }
  const over = (name) => least[name] - least.empty;
  return { inline: over('first-result'), worker: over('first-in-worker'), peer: over('first-onnxruntime') };
}

/** { [figure]: value } for one Node. */
export async function measureProcesses(node, quick) {
  const [empty, load] = [await report(node, 'empty'), await report(node, 'load')];
  const f32Bytes = 2 * statSync(join(models, 'minilm/model.safetensors')).size; // it is stored as f16
  const steady = await report(node, 'steady', ['--expose-gc']);
  const steps = existsSync(stories) ? await report(node, 'steps') : undefined;
  const requests = await report(node, 'requests');
  const { worst } = await report(node, 'abort');
  const { load: loading, copy } = await report(node, 'load-time');
  const start = startTime(node, quick ? 3 : 20);
  if (!steps) console.warn(`no figures of stories260K: it is not in ${stories} (set WASMFORMER_MODELS)`);
  return {
    'start to first result over an empty process, ms': start.inline,
    'the same in a worker with 2 threads, ms': start.worker,
    "onnxruntime-web's start to first result, ms": start.peer,
    "our start over onnxruntime-web's": start.inline / start.peer,
    'MiniLM from file to ready, over reading and copying it': loading / copy,
    'abort to rejection, at most, ms': worst,
    'peak memory of loading MiniLM over its f32 size': (load.peak - empty.peak) / f32Bytes,
    'pages of wasm grown in 900 forwards': steady.pages,
    'resident memory grown in 900 forwards, %': steady.growth,
    'resident memory grown in 9,000 requests of 4 clients, %': requests.growth,
    ...(steps && {
      'stories260K decode, tok/s': steps.rate,
      'stories260K decode, time outside wasm, %': steps.share,
      'stories260K decode, time outside wasm a token, us': steps.overhead,
    }),
  };
}

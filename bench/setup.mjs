// Installs what the bench compares with into bench/.peers, and generates the models: run once, by `npm run bench:setup`.
//
// Needs Python 3 with venv, or WASMFORMER_BENCH_PYTHON: a Python that has numpy onnx onnxruntime sympy tflite flatbuffers.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCeilings } from './ceiling/build.mjs';
import { bench, models, newestNodePackage, peers } from './paths.mjs';

const PACKAGES = ['onnxruntime-web@1.30.0', '@litertjs/core@2.5.3', `${newestNodePackage}@26.10.0`];
const PYTHON_PACKAGES = ['numpy', 'onnx', 'onnxruntime', 'sympy', 'tflite', 'flatbuffers'];

const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
const run = (command, ...args) => execFileSync(command, args, { cwd: peers, stdio: 'inherit', env });

function pythonOfBench() {
  if (process.env.WASMFORMER_BENCH_PYTHON) return process.env.WASMFORMER_BENCH_PYTHON;
  const python = join(peers, 'venv/bin/python');
  if (!existsSync(python)) run('python3', '-m', 'venv', 'venv');
  run(python, '-m', 'pip', 'install', '--quiet', ...PYTHON_PACKAGES);
  return python;
}

mkdirSync(peers, { recursive: true });
writeFileSync(join(peers, 'package.json'), '{ "private": true }\n');
run('npm', 'install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', ...PACKAGES);
// A folder of CommonJS, for LiteRT's scripts and its thread workers in Node.
cpSync(join(peers, 'node_modules/@litertjs/core/wasm'), join(peers, 'litert'), { recursive: true });
writeFileSync(join(peers, 'litert/package.json'), '{ "type": "commonjs" }\n');
await buildCeilings();
run(pythonOfBench(), join(bench, 'peers/make_models.py'), models);

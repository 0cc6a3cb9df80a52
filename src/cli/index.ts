#!/usr/bin/env node
// The command line. What a command does is loaded when it runs: --help needs no model, no wasm, no library.
import process from 'node:process';
import { main } from './main';

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

// Where the bench keeps what it installs and generates, all of it outside version control but the history.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

export const root = path('..');
export const bench = path('.');
export const peers = path('.peers/');
export const models = path('.peers/models/');
/** A real checkpoint: in WASMFORMER_MODELS, or in the place beside the project. */
export const stories = join(process.env.WASMFORMER_MODELS ?? path('../../shared/models'), 'stories260K');
export const history = path('history.jsonl');

// The package `node` has an install script that only fetches the package of the platform, which holds the program.
const system = process.platform === 'win32' ? 'win' : process.platform;
const prefix = system === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
export const newestNodePackage = `${prefix}-${system}-${process.arch}`;
export const newestNode = path(`.peers/node_modules/${newestNodePackage}/bin/node${system === 'win' ? '.exe' : ''}`);

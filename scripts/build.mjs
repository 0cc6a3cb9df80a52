// Builds the core and the packages at once: they have nothing of each other, and take as long as the longer one where there are two cores.
import { spawn } from 'node:child_process';

const run = (script) =>
  new Promise((resolve, reject) => {
    const child = spawn('npm', ['run', '--silent', script], { stdio: 'inherit', shell: process.platform === 'win32' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0));
  });

const done = await Promise.all(['build:wasm', 'build:js'].map(run));
process.exit(done.every(Boolean) ? 0 : 1);

// Runs the built command line as a process of its own.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = fileURLToPath(new URL('../../dist/node/cli.js', import.meta.url));

/** A tiny model of the tests. */
export const encoder = (name: string): string => `test/golden/encoders/${name}`;

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. */
export function wasmformer(args: readonly string[], input: string | Buffer = ''): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    input,
    encoding: 'utf8',
    timeout: 40_000,
  });
  return { status, stdout, stderr };
}

/** The JSON Lines of an output. */
export function linesOf(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Starts a command and sends it a signal as soon as it has written its first bytes. */
export function interrupted(args: readonly string[], input: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd: root });
    const timer = setTimeout(() => child.kill('SIGKILL'), 40_000);
    let [stdout, stderr] = ['', ''];
    child.stdout.once('data', () => child.kill('SIGINT'));
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stdout, stderr });
    });
    // the command ends while it is still being written to
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

// What scripts and people rely on: exit codes, messages, pipes, Ctrl-C, help, completion.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { encoder, interrupted, linesOf, root, wasmformer } from './run';

const SENTENCE = encoder('sentence-mean');

describe('mistakes', () => {
  it.each([
    [['classfy', 'x'], 2, /error USAGE: unknown command 'classfy'\n\(Did you mean classify\?\)/],
    [['embed', SENTENCE, '--dimensons', '3', 'x'], 2, /unknown option '--dimensons'\n\(Did you mean --dimensions\?\)/],
    [['embed', SENTENCE, '--dimensions', 'many', 'x'], 2, /whole number/],
    [['embed'], 2, /missing required argument 'model'/],
    [['embed', '/nowhere/at/all', 'x'], 1, /error FILE_NOT_FOUND: there is no folder/],
    [['embed', 'test/golden/encoders', 'x'], 1, /error FILE_NOT_FOUND: .* has no config\.json/],
    [['embed', 'test/golden/texts/pieces', 'x'], 1, /error UNSUPPORTED_MODEL: .*Decoder/],
    [['generate', SENTENCE, 'x'], 2, /is an encoder/],
    [['generate', 'test/golden/texts/pieces', 'x', '--temperature', '0.5'], 2, /--do-sample/],
    [['classify', SENTENCE, 'x'], 1, /error NO_HEAD/],
    [['attention', encoder('bert-classify'), 'x', '--layer', '99'], 2, /--layer is 99, but must be from 0 to/],
  ])('%j ends with %i', (args, code, message) => {
    const { status, stdout, stderr } = wasmformer(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(status).toBe(code);
  });

  it.each([
    ['an empty stdin', '', /error NO_INPUT: stdin is empty/],
    ['blank lines', '\n \n', /error NO_INPUT/],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80]), /error NOT_TEXT: stdin is not text/],
    ['broken JSON Lines', '{"text": "a"}\n{"text": ', /error INVALID_INPUT: line 2: not JSON/],
    ['JSON Lines without a text', '{"txt": "a"}\n', /error INVALID_INPUT: line 1: "text" is missing/],
  ])('%s', (_, input, message) => {
    const { status, stderr } = wasmformer(['embed', SENTENCE], input);
    expect(stderr).toMatch(message);
    expect(status).toBe(3);
  });

  it('a text that is too long is named, and what came before it is done', () => {
    const model = encoder('bert-classify');
    const { status, stdout, stderr } = wasmformer(['classify', model, '--json'], `short\n${'clock '.repeat(5000)}\n`);
    expect(linesOf(stdout)).toHaveLength(1);
    expect(stderr).toMatch(/error TOO_LONG: line 2: /);
    expect(status).toBe(3);
  });
});

it('a reader that has seen enough is no error', () => {
  const command = `yes "a clock" | head -2000 | "${process.execPath}" dist/node/cli.js embed ${SENTENCE} --json | head -1; exit \${PIPESTATUS[2]}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', command], {
    cwd: root,
    encoding: 'utf8',
    timeout: 40_000,
  });
  expect(linesOf(stdout)).toHaveLength(1);
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

it('Ctrl-C ends with what is done', async () => {
  const input = Array.from({ length: 20_000 }, (_, i) => `clock number ${i}`).join('\n');
  const { status, stdout, stderr } = await interrupted(['embed', SENTENCE, '--json'], input);
  const done = linesOf(stdout);
  expect(done.length).toBeGreaterThan(0);
  expect(done.length).toBeLessThan(20_000);
  expect(stderr).toContain('interrupted');
  expect(status).toBe(130);
});

it('Ctrl-C keeps the text so far', async () => {
  const args = [
    'generate',
    'test/golden/texts/pieces',
    'once upon a',
    '--max-new-tokens',
    '100000',
    '--eos-token-id',
    'none',
    '--context-overflow',
    'slide',
  ];
  const { status, stdout } = await interrupted(args, '');
  expect(stdout).toMatch(/^n.*\n$/s);
  expect(status).toBe(130);
});

describe('help', () => {
  const COMMANDS =
    'embed similar classify fill-mask answer rerank generate translate tokenize inspect attention models cache completion';

  it('lists the commands and the exit codes', () => {
    const { status, stdout } = wasmformer(['--help']);
    expect(status).toBe(0);
    for (const command of COMMANDS.split(' ')) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(stdout).toContain('Exit codes:');
  });

  it.each(COMMANDS.split(' '))('of %s', (command) => {
    const { status, stdout } = wasmformer([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: wasmformer ${command} `));
  });
});

it.each(['bash', 'zsh', 'fish'])('completion for %s', (shell) => {
  const { status, stdout } = wasmformer(['completion', shell]);
  expect(status).toBe(0);
  expect(stdout).toContain('fill-mask');
  expect(stdout).toContain('max-new-tokens');
  if (shell === 'bash') expect(spawnSync('bash', ['-n'], { input: stdout, timeout: 10_000 }).status).toBe(0);
});

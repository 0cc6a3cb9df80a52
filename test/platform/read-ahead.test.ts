// Bodies that Node's fetch must not keep waiting: what is taken ahead, and that nothing else changes.
import process from 'node:process';
import { describe, expect, it, vi } from 'vitest';
import { readAhead } from '../../src/platform/node-store';

const MB = 1024 * 1024;
const isNeeded = Number(process.versions.undici?.split('.')[0]) < 8;

/** An answer of `count` pieces of 1 MB, and how many were asked for. */
function answer(count: number, at: { cancel?: (reason: unknown) => void; failAfter?: number } = {}) {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken === at.failAfter) throw new Error('the line is dead');
        if (taken === count) controller.close();
        else controller.enqueue(new Uint8Array(MB).fill(taken++));
      },
      cancel: at.cancel,
    },
    { highWaterMark: 0 },
  );
  const headers = { 'Content-Length': String(count * MB), ETag: '"x"' };
  return { response: new Response(body, { status: 206, headers }), taken: () => taken };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 50));

describe.skipIf(!isNeeded)('readAhead', () => {
  it('takes what fits, and the rest when it is read', async () => {
    const { response, taken } = answer(64);
    const ahead = readAhead(response);
    await soon();
    expect(taken()).toBe(16);
    expect([ahead.status, ahead.headers.get('etag'), ahead.headers.get('content-length')]).toEqual([
      206,
      '"x"',
      String(64 * MB),
    ]);
    const bytes = new Uint8Array(await ahead.arrayBuffer());
    expect(bytes.length).toBe(64 * MB);
    for (let i = 0; i < 64; i++) expect([bytes[i * MB], bytes[i * MB + MB - 1]]).toEqual([i, i]);
  });

  it('does not leave the end to wait', async () => {
    const { response, taken } = answer(24);
    const ahead = readAhead(response);
    await soon();
    expect(taken()).toBe(24);
    expect((await ahead.arrayBuffer()).byteLength).toBe(24 * MB);
  });

  it('passes failures and cancelling on', async () => {
    const reader = readAhead(answer(5, { failAfter: 2 }).response).body!.getReader();
    await soon();
    // what came before the failure is given first
    for (const i of [0, 1]) expect((await reader.read()).value?.[0]).toBe(i);
    await expect(reader.read()).rejects.toThrow('the line is dead');
    const cancel = vi.fn();
    const { response, taken } = answer(64, { cancel });
    await readAhead(response).body!.cancel('enough');
    await soon();
    expect(cancel).toHaveBeenCalledWith('enough');
    expect(taken()).toBeLessThan(20);
  });

  it('leaves what has no such body', () => {
    const empty = new Response(null, { status: 204 });
    expect(readAhead(empty)).toBe(empty);
  });
});

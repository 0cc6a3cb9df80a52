// The numeric contract and bad input, on the golden checkpoints and on MiniLM where it is present.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Encoder } from '../../src/api/encoder';
import type { Ids } from '../../src/api/inputs';
import { Tensor } from '../../src/api/tensor';
import { WasmformerError, type WasmformerErrorCode } from '../../src/errors';
import { createEngine } from '../../src/runtime/host';
import { bigEncoderFiles } from '../support/random-encoder';
import { hasModel, modelsDir } from '../support/models';

const golden = (name: string): string => fileURLToPath(new URL(`../golden/encoders/${name}`, import.meta.url));
const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());

async function expectError(run: () => Promise<unknown>, code: WasmformerErrorCode, message: RegExp): Promise<void> {
  const error = await run().then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error, `an error ${code}`).toBeInstanceOf(WasmformerError);
  expect((error as WasmformerError).code).toBe(code);
  expect((error as WasmformerError).message).toMatch(message);
}

const words = 'the bridge was built in winter by an old keeper who counts ships every evening and paints doors'.split(
  ' ',
);
/** 64 texts of mixed lengths, from a seed. */
const texts = Array.from({ length: 64 }, (_, i) =>
  Array.from({ length: 1 + ((i * 37) % 61) }, (_, t) => words[(i * 5 + t * 3) % words.length]).join(' '),
);

const checkpoints: [string, string][] = [['golden', golden('sentence-mean')]];
if (hasModel('all-MiniLM-L6-v2')) checkpoints.push(['MiniLM', `${modelsDir}/all-MiniLM-L6-v2`]);
else console.log('all-MiniLM-L6-v2 is not present: its tests are skipped');

describe.each(checkpoints)('%s: the same bits', (_, folder) => {
  it('for 1, 2 and 3 threads, alone and in a batch of 64', async () => {
    const rows: Float32Array[][] = [];
    for (const threads of [1, 2, 3]) {
      await using own = await createEngine({ threads, worker: false });
      const model = await Encoder.fromPretrained(folder, { engine: own });
      const options = { truncation: true, maxLength: 64 };
      const batch = await model.embed(texts, options);
      const d = batch.dims[1];
      rows.push(texts.map((_, i) => batch.data.slice(i * d, (i + 1) * d)));
      for (const i of [0, 1, 7, 23, 63]) expect((await model.embed(texts[i], options)).data).toEqual(rows.at(-1)![i]);
    }
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).toEqual(rows[0]);
  });
});

describe.runIf(hasModel('all-MiniLM-L6-v2'))('MiniLM', () => {
  it('gives the published embeddings', async () => {
    const expected = JSON.parse(readFileSync(`${modelsDir}/all-MiniLM-L6-v2/expected.json`, 'utf8'));
    const model = await Encoder.fromPretrained(`${modelsDir}/all-MiniLM-L6-v2`, { engine });
    expect(model.tokenizer.encode('Hello world').ids).toEqual(expected.token_ids['Hello world']);
    for (const { text, first, source } of expected.mean_pool_l2) {
      if (/int8/.test(source)) continue;
      const { data } = await model.embed(text);
      first.forEach((value: number, i: number) => expect(Math.abs(value - data[i])).toBeLessThan(3e-4));
    }
    const { data: cls } = await model.embed('hello world', { pooling: 'cls' });
    expected.cls_pool_l2[0].first.forEach((value: number, i: number) =>
      expect(Math.abs(value - cls[i])).toBeLessThan(1e-3),
    );
    for (const [text, values] of Object.entries(expected.numpy_float64_on_this_fp16_file)) {
      if (!Array.isArray(values)) continue;
      const { data } = await model.embed(text);
      values.forEach((value: number, i: number) => expect(Math.abs(value - data[i])).toBeLessThan(1e-6));
    }
    const pair = await model.embed(['doctor', 'physician']);
    const d = pair.dims[1];
    let cosine = 0;
    for (let i = 0; i < d; i++) cosine += pair.data[i] * pair.data[d + i];
    expect(Math.abs(cosine - expected.numpy_float64_on_this_fp16_file.cos_doctor_physician)).toBeLessThan(1e-6);
    await model.dispose();
  });
});

describe('chunks', () => {
  it('a large embed runs in groups, with progress, and each text as if alone', async () => {
    const model = await Encoder.fromPretrained(golden('sentence-mean'), { engine });
    const many = Array.from({ length: 300 }, (_, i) => texts[i % 64]);
    const progress: number[] = [];
    const { data, dims } = await model.embed(many, { onProgress: ({ done, total }) => progress.push(done / total) });
    expect(dims[0]).toBe(300);
    expect(progress.at(-1)).toBe(1);
    expect(progress.length).toBeGreaterThan(3);
    expect([...progress].sort((a, b) => a - b)).toEqual(progress);
    const alone = await model.embed(many[299]);
    expect(data.slice(299 * dims[1])).toEqual(alone.data);
    await model.dispose();
  });

  it('wasm memory does not grow once the longest input was seen', async () => {
    await using own = await createEngine({ threads: 1, worker: false });
    const model = await Encoder.fromPretrained(bigEncoderFiles(), { engine: own });
    const run = (n: number): Promise<unknown> =>
      model.embed({ inputIds: [Array.from({ length: n }, (_, i) => i % 90)] });
    for (const n of [128, 3, 77]) await run(n);
    const { total } = (await own.info()).memory;
    for (let i = 0; i < 60; i++) await run(1 + ((i * 29) % 128));
    expect((await own.info()).memory.total).toBe(total);
  });
});

describe('ids', () => {
  it('may be arrays, typed arrays or tensors of 32 or 64 bits, a row or several', async () => {
    const model = await Encoder.fromPretrained(golden('bert-masked-lm'), { engine });
    const attentionMask = [
      [1, 1, 1, 1],
      [0, 1, 1, 0],
    ];
    const run = async (inputIds: Ids): Promise<Float32Array> =>
      (await model.forward({ inputIds, attentionMask })).lastHiddenState.data;
    const ids = [2, 5, 7, 3, 0, 9, 3, 0];
    const want = await run([ids.slice(0, 4), ids.slice(4)]);
    const single = (await model.forward({ inputIds: [9, 3] })).lastHiddenState.data;
    const d = want.length / 8;
    expect(want.subarray(5 * d, 7 * d)).toEqual(single);
    expect(want.subarray(4 * d, 5 * d)).toEqual(new Float32Array(d));
    expect(await run([Int32Array.from(ids.slice(0, 4)), ids.slice(4)] as never)).toEqual(want);
    expect(await run(new Tensor(Int32Array.from(ids), [2, 4]))).toEqual(want);
    expect(await run(new Tensor(BigInt64Array.from(ids, BigInt), [2, 4]))).toEqual(want);
    await model.dispose();
  });
});

describe('bad input', () => {
  const load = (): Promise<Encoder> => Encoder.fromPretrained(golden('bert-masked-lm'), { engine });

  it('is a clear error, and the next call works', async () => {
    const model = await load();
    const ids = { inputIds: [[2, 5, 7, 3]] };
    const want = (await model.forward(ids)).lastHiddenState.data;
    const bad: [() => Promise<unknown>, WasmformerErrorCode, RegExp][] = [
      [() => model.forward([]), 'INVALID_ARGUMENT', /batch is empty/],
      [() => model.forward({ inputIds: [] }), 'INVALID_ARGUMENT', /batch is empty/],
      [() => model.forward({ inputIds: [[]] }), 'INVALID_ARGUMENT', /no tokens/],
      [() => model.forward({ inputIds: [[1, 99999]] }), 'INVALID_ARGUMENT', /99999.*vocabulary/],
      [() => model.forward({ inputIds: [[-1]] }), 'INVALID_ARGUMENT', /-1/],
      [() => model.forward({ inputIds: [[2 ** 32 + 5]] }), 'INVALID_ARGUMENT', /4294967301.*vocabulary/],
      [() => model.forward({ inputIds: [[1.5]] }), 'INVALID_ARGUMENT', /1\.5/],
      [() => model.forward({ inputIds: [[1], null as never] }), 'INVALID_ARGUMENT', /null among its rows/],
      [() => model.forward({ inputIds: [['7' as never]] }), 'INVALID_ARGUMENT', /whole numbers.*7/],
      [() => model.forward({ inputIds: 7 as never }), 'INVALID_ARGUMENT', /inputIds/],
      [() => model.forward({ inputIds: null as never }), 'INVALID_ARGUMENT', /inputIds.*null/],
      [
        () => model.forward({ inputIds: [[1, 2]], attentionMask: [[1]] }),
        'INVALID_SHAPE',
        /attentionMask.*\[1, 2\].*\[1, 1\]/,
      ],
      [() => model.forward({ inputIds: [[1, 2]], attentionMask: [[1, 2]] }), 'INVALID_ARGUMENT', /0 and 1/],
      [() => model.forward({ inputIds: [[1, 2]], attentionMask: [[0, 0]] }), 'INVALID_ARGUMENT', /all zeros/],
      [() => model.forward({ inputIds: [[1, 2]], tokenTypeIds: [[0, 9]] }), 'INVALID_ARGUMENT', /tokenTypeIds.*9/],
      [() => model.forward({ inputIds: [[1, 2]], positionIds: [[0, 1000]] }), 'INVALID_ARGUMENT', /positionIds.*1000/],
      [() => model.forward({ inputIds: new Tensor(new Int32Array(8), [2, 2, 2]) }), 'INVALID_ARGUMENT', /\[2, 2, 2\]/],
      [() => model.forward({ inputIds: [new Array<number>(200).fill(5)] }), 'TOO_LONG', /200.*\d+/],
      [() => model.forward('the '.repeat(300)), 'TOO_LONG', /\d+ tokens.*positions for \d+.*truncation/s],
      [() => model.forward('broken \ud800'), 'INVALID_ARGUMENT', /lone surrogate/],
      [() => model.forward(null as never), 'INVALID_ARGUMENT', /input/],
      [() => model.forward([null as never]), 'INVALID_ARGUMENT', /null/],
      [() => model.forward({ text: ['a', 'b'], textPair: ['c'] }), 'INVALID_ARGUMENT', /textPair/],
      [() => model.embed('a', { pooling: 'median' as never }), 'INVALID_ARGUMENT', /median/],
      [() => model.embed('a', { promptName: 'query' }), 'INVALID_ARGUMENT', /no prompt "query"/],
      [() => model.embed([]), 'INVALID_ARGUMENT', /batch is empty/],
      [() => model.embed('a', { truncation: true, maxLength: 1 }), 'INVALID_ARGUMENT', /maxLength 1/],
      [() => model.fillMask('no mask here'), 'INVALID_ARGUMENT', /mask token/],
      [() => model.classify('a'), 'NO_HEAD', /ForSequenceClassification/],
      [() => model.answer({ question: 'q', context: 'c' }), 'NO_HEAD', /ForQuestionAnswering/],
      [() => model.isNextSentence('a', 'b'), 'NO_HEAD', /ForNextSentencePrediction/],
    ];
    for (const [run, code, message] of bad) await expectError(run, code, message);
    expect((await model.forward(ids)).lastHiddenState.data).toEqual(want);
    // an empty text is a text: its special tokens
    expect((await model.forward('')).lastHiddenState.dims[1]).toBe(2);
    expect((await model.forward('the '.repeat(300), { truncation: true })).lastHiddenState.dims[1]).toBe(
      model.info.maxPositions,
    );
    await model.dispose();
    await expectError(() => model.forward(ids), 'DISPOSED', /disposed/);
    await expectError(() => model.embed('a'), 'DISPOSED', /disposed/);
    await model.dispose();
  });

  it('in a checkpoint names the file, tensor or key', async () => {
    const files = bigEncoderFiles();
    const config = JSON.parse(files['config.json'] as string) as Record<string, unknown>;
    const withConfig = (change: Record<string, unknown>): Record<string, Uint8Array | string> => ({
      ...files,
      'config.json': JSON.stringify({ ...config, ...change }),
    });
    const open = (input: Record<string, Uint8Array | string> | string) => () =>
      Encoder.fromPretrained(input, { engine });
    const weights = files['model.safetensors'] as Uint8Array;
    const before = (await engine.info()).memory.used;
    const bad: [() => Promise<unknown>, WasmformerErrorCode, RegExp][] = [
      [open('/no/such/folder'), 'FILE_NOT_FOUND', /no\/such\/folder/],
      [open({ 'model.safetensors': weights }), 'FILE_NOT_FOUND', /config\.json/],
      [open({ 'config.json': files['config.json'] }), 'FILE_NOT_FOUND', /safetensors/],
      [open({ ...files, 'config.json': '{' }), 'INVALID_FILE', /config\.json/],
      [open({ ...files, 'config.json': '[]' }), 'INVALID_FILE', /config\.json/],
      [open({ ...files, 'model.safetensors': weights.slice(0, 5000) }), 'INVALID_FILE', /model\.safetensors/],
      [open({ ...files, 'tokenizer.json': '{}' }), 'INVALID_TOKENIZER', /tokenizer\.json/],
      [open(withConfig({ model_type: 'mamba' })), 'UNSUPPORTED_MODEL', /mamba.*bert/],
      [open(withConfig({ model_type: undefined, architectures: undefined })), 'UNSUPPORTED_MODEL', /model_type/],
      [open(withConfig({ hidden_act: 'mish' })), 'UNSUPPORTED_MODEL', /mish.*gelu/],
      [open(withConfig({ position_embedding_type: 'relative_key' })), 'UNSUPPORTED_MODEL', /relative_key/],
      [open(withConfig({ architectures: ['BertForMultipleChoice'] })), 'UNSUPPORTED_MODEL', /BertForMultipleChoice/],
      [open(withConfig({ hidden_size: '256' })), 'INVALID_CONFIG', /hidden_size/],
      [open(withConfig({ num_attention_heads: 5 })), 'INVALID_CONFIG', /256.*5/],
      [open(withConfig({ num_attention_heads: 0 })), 'INVALID_CONFIG', /num_attention_heads/],
      [
        open(withConfig({ vocab_size: 101, intermediate_size: 1000 })),
        'MISSING_TENSOR',
        /word_embeddings.*\[100, 256\].*\[101, 256\][\s\S]*intermediate/,
      ],
      [open(withConfig({ num_hidden_layers: 5 })), 'MISSING_TENSOR', /layer\.4.*missing/],
    ];
    for (const [run, code, message] of bad) await expectError(run, code, message);
    expect((await engine.info()).memory.used).toBe(before);
    const model = await Encoder.fromPretrained(files, { engine });
    await expectError(() => model.embed('text'), 'NO_TOKENIZER', /inputIds/);
    expect((await model.embed({ inputIds: [[1, 2, 3]] })).dims).toEqual([1, 256]);
    await model.dispose();
  });
});

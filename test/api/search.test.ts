// Encoder's similarity, search and rerank, and embeddings cut and quantised, against sentence-transformers.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Encoder, type EmbedOptions } from '../../src/api/encoder';
import { quantizer } from '../../src/api/tasks/quantize';
import type { RerankOptions, RerankResult } from '../../src/api/tasks/search';
import { METRICS, type SearchResult, type SimilarityMetric } from '../../src/api/tasks/similarity';
import type { Precision } from '../../src/api/tasks/vectors';
import { Tensor, type TensorData } from '../../src/api/tensor';
import { createEngine } from '../../src/runtime/host';
import { readJson } from '../golden/load';

interface Compared {
  queries: number[][];
  documents: number[][];
  ranges: [number[], number[]];
  similarity: Record<SimilarityMetric, number[][]>;
  search: Record<SimilarityMetric, SearchResult[][]>;
  quantized: { precision: Precision; ranges: boolean; values: number[][] }[];
  truncated: { golden: string; texts: string[]; options: EmbedOptions; values: number[][] }[];
}

interface RerankTask {
  config: Record<string, unknown>;
  query: string;
  documents: string[];
  options: RerankOptions;
  result: RerankResult[];
}

const root = fileURLToPath(new URL('../golden/encoders/', import.meta.url));
const golden = readJson<Compared>('encoders', '.', 'compare.json');
const { queries, documents, ranges } = golden;
const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());
const load = (name: string): Promise<Encoder> => Encoder.fromPretrained(`${root}${name}`, { engine });
const WORDS = ['bridge', 'river', 'mill', 'clock', 'museum', 'winter', 'letter', 'horse', 'harbour', 'railway'];
/** Up to 90 texts that differ. */
const sentences = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => {
    const first = Math.floor(i / 9);
    return `The ${WORDS[first]} and the ${WORDS[(first + 1 + (i % 9)) % 10]}.`;
  });
const floats = (rows: number[][]): Tensor<Float32Array> =>
  new Tensor(Float32Array.from(rows.flat()), [rows.length, rows[0].length]);

function expectNear(actual: TensorData, expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => expect(Math.abs(Number(actual[i]) - value), `element ${i}`).toBeLessThan(tolerance));
}

let encoder: Encoder;
beforeAll(async () => (encoder = await load('sentence-mean')));

describe('similarity', () => {
  it.each(METRICS)('%s', async (metric) => {
    const want = golden.similarity[metric];
    const expected = [want.length, want[0].length];
    const matrix = await encoder.similarity(floats(queries), documents, { metric });
    expect(matrix.dims).toEqual(expected);
    expectNear(matrix.data, want.flat(), 1e-5);
    const one = await encoder.similarity(queries[1], floats(documents), { metric });
    expect(one.dims).toEqual([1, expected[1]]);
    expectNear(one.data, want[1], 1e-5);
  });

  it('embeds texts, and compares with themselves', async () => {
    const texts = ['The bridge was built in 1871.', 'Zoë 😀', 'Rain fell all night.'];
    const embeddings = await encoder.embed(texts);
    const own = await encoder.similarity(texts);
    expect(own).toEqual(await encoder.similarity(embeddings, texts));
    for (let i = 0; i < 3; i++) expect(own.data[i * 4]).toBeCloseTo(1, 6);
    const prompted = await encoder.embed(texts[0], { promptName: 'query' });
    const options = { promptName: 'query', metric: 'dot' } as const;
    expect(await encoder.similarity(texts[0], texts[0], options)).toEqual(
      await encoder.similarity(prompted, prompted, { metric: 'dot' }),
    );
  });

  it("takes the folder's metric", async () => {
    const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(`${root}sentence-mean/${name}`)]));
    for (const name of METRICS) {
      const settings = JSON.stringify({ similarity_fn_name: name });
      const other = await Encoder.fromPretrained(
        { ...files, 'config_sentence_transformers.json': settings },
        { engine },
      );
      expect(await other.similarity(queries, documents)).toEqual(
        await encoder.similarity(queries, documents, { metric: name }),
      );
      await other.dispose();
    }
  });

  it('reads no documents as no columns', async () => {
    expect((await encoder.similarity(queries, [])).dims).toEqual([3, 0]);
    expect((await encoder.similarity('Rain.', new Tensor(new Float32Array(0), [0, 24]))).dims).toEqual([1, 0]);
  });
});

describe('search', () => {
  it.each(METRICS)('%s', async (metric) => {
    const found = await encoder.search(queries, floats(documents), { metric, topK: 5 });
    expect(found.map((hits) => hits.map(({ index }) => index))).toEqual(
      golden.search[metric].map((hits) => hits.map(({ index }) => index)),
    );
    found.forEach((hits, i) =>
      expectNear(
        Float64Array.from(hits, ({ score }) => score),
        golden.search[metric][i].map(({ score }) => score),
        1e-5,
      ),
    );
    // one query in, one list out
    expect(await encoder.search(queries[2], floats(documents), { metric, topK: 5 })).toEqual(found[2]);
    expect(
      await encoder.search(new Tensor(Float32Array.from(queries[2]), [21]), documents, { metric, topK: 5 }),
    ).toEqual(found[2]);
  });

  it('finds texts, ten of them unless told', async () => {
    const texts = sentences(30);
    const embeddings = await encoder.embed(texts);
    const hits = await encoder.search(texts[7], embeddings);
    expect(hits.length).toBe(10);
    expect(hits[0]).toEqual({ index: 7, score: expect.closeTo(1, 6) as number });
    expect(await encoder.search([texts[7]], embeddings, { topK: 1 })).toEqual([[hits[0]]]);
    expect((await encoder.search(texts[7], embeddings, { topK: 99 })).length).toBe(30);
  });

  it('puts equal documents in order of index, and what is not a number last', async () => {
    const same = [
      [1, 0],
      [Number.NaN, 0],
      [1, 0],
      [0, 0],
      [2, 0],
    ];
    const hits = await encoder.search([1, 0], same);
    expect(hits.map(({ index }) => index)).toEqual([0, 2, 4, 3, 1]);
    expect(hits[3].score).toBe(0);
  });

  it('has nothing of no documents or no queries', async () => {
    expect(await encoder.search('Rain.', [])).toEqual([]);
    expect(await encoder.search([], documents)).toEqual([]);
  });

  it('compares quantised documents with float queries', async () => {
    const texts = sentences(40);
    const options = { metric: 'dot' } as const;
    const plain = await encoder.embed(texts);
    const d = plain.dims[1];
    const query = plain.data.subarray(3 * d, 4 * d);
    const near = async (bytes: Tensor, values: number[][]): Promise<void> => {
      const hits = await encoder.search(query, bytes, { ...options, topK: 40 });
      const scores = values.map((row) => row.reduce((sum, value, i) => sum + value * query[i], 0));
      for (const { index, score } of hits) expect(Math.abs(score - scores[index])).toBeLessThan(1e-4);
      expect(hits.length).toBe(40);
    };
    const rows = (of: Tensor): number[][] => of.toArray() as number[][];
    const signs = rows(plain).map((row) => row.map((value) => (value > 0 ? 1 : -1)));
    await near(await encoder.embed(texts, { precision: 'binary' }), signs);
    await near(await encoder.embed(texts, { precision: 'ubinary' }), signs);
    const int8 = await encoder.embed(texts, { precision: 'int8' });
    await near(int8, rows(int8));

    // with the ranges, what the levels stand for: half a step off at most
    const column = (i: number): number[] => rows(plain).map((row) => row[i]);
    const own = [Math.min, Math.max].map((pick) => Array.from({ length: d }, (_, i) => pick(...column(i))));
    const exact = await encoder.similarity(plain, plain, options);
    const levels = await encoder.similarity(plain, int8, { ...options, ranges: [own[0], own[1]] });
    const step = Math.max(...own[1].map((end, i) => (end - own[0][i]) / 255));
    exact.data.forEach((score, i) => expect(Math.abs(score - levels.data[i])).toBeLessThan(step * Math.sqrt(d)));

    // signs with signs: the share that agrees, from -1 to 1
    const packed = await encoder.embed(texts, { precision: 'ubinary' });
    const agreed = await encoder.similarity(packed, packed, { precision: 'ubinary' });
    const share = signs[1].reduce((sum, sign, i) => sum + sign * signs[2][i], 0) / d;
    expect(agreed.data[1 * 40 + 2]).toBeCloseTo(share, 6);
  });

  it('ends with the signal', async () => {
    const many = new Tensor(new Float32Array(40_000 * 64), [40_000, 64]);
    const aborted = { code: 'ABORTED', name: 'AbortError' };
    await expect(encoder.search([1], [[1]], { signal: AbortSignal.abort() })).rejects.toMatchObject(aborted);
    const controller = new AbortController();
    const searching = encoder.search(new Tensor(new Float32Array(400 * 64), [400, 64]), many, {
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 20);
    await expect(searching).rejects.toMatchObject(aborted);
  }, 30_000);

  it('refuses what cannot be compared', async () => {
    const shape = { code: 'INVALID_SHAPE' };
    const argument = { code: 'INVALID_ARGUMENT' };
    const wrong = (value: unknown): never => value as never;
    await expect(encoder.search([1, 2], [[1, 2, 3]])).rejects.toMatchObject(shape);
    await expect(encoder.search([1, 2], [[1, 2], [1]])).rejects.toMatchObject(shape);
    await expect(encoder.search([1], new Tensor(new Float32Array(8), [2, 2, 2]))).rejects.toMatchObject(shape);
    await expect(encoder.search('Rain.', documents)).rejects.toMatchObject({
      ...shape,
      message: expect.stringContaining('24 and 21') as string,
    });
    await expect(encoder.search('Rain.', wrong(['Rain.']))).rejects.toMatchObject(argument);
    await expect(encoder.search('Rain.', wrong(undefined))).rejects.toMatchObject(argument);
    await expect(encoder.search('Rain.', wrong({ metric: 'dot' }))).rejects.toMatchObject(argument);
    await expect(encoder.search(queries, documents, { topK: 0 })).rejects.toMatchObject(argument);
    await expect(encoder.search(queries, documents, { metric: wrong('hamming') })).rejects.toMatchObject({
      ...argument,
      message: expect.stringContaining('cosine, dot, euclidean, manhattan') as string,
    });
    await expect(encoder.similarity(queries, queries, { precision: wrong('int4') })).rejects.toMatchObject(argument);
    await expect(encoder.similarity(queries, queries, { ranges: [[1], [2]] })).rejects.toMatchObject(shape);
  });
});

describe('embed', () => {
  it.each(golden.quantized)('$precision, given ranges: $ranges', ({ precision, ranges: given, values }) => {
    const embeddings = floats(documents);
    const options = { precision, ...(given && { ranges }) };
    const { data, dims, type } = quantizer(options, false, 21)(embeddings);
    expect(dims).toEqual([values.length, values[0].length]);
    expect(type).toBe(precision === 'int8' || precision === 'binary' ? 'int8' : 'uint8');
    expect([...data]).toEqual(values.flat());
  });

  it.each(golden.truncated)('$golden, $options', async ({ golden: name, texts, options, values }) => {
    const model = await load(name);
    const { data, dims } = await model.embed(texts, options);
    expect(dims).toEqual([values.length, values[0].length]);
    expectNear(data, values.flat(), 2e-6);
    await model.dispose();
  });

  it('quantises what it embeds', async () => {
    const texts = ['Rain fell all night.', 'The museum keeps 250 clocks.', 'Zoë'];
    const options = { dimensions: 16, normalize: true };
    const plain = await encoder.embed(texts, options);
    for (const precision of ['int8', 'uint8', 'binary', 'ubinary'] as const) {
      expect(await encoder.embed(texts, { ...options, precision })).toEqual(quantizer({ precision }, false, 16)(plain));
    }
    const bytes = await encoder.embed({ inputIds: [[2, 17, 9, 3]] }, { precision: 'ubinary' });
    expect(bytes.dims).toEqual([1, 3]);
  });

  it('refuses options that say nothing', async () => {
    const argument = { code: 'INVALID_ARGUMENT' };
    await expect(encoder.embed('Rain.', { dimensions: 0 })).rejects.toMatchObject(argument);
    await expect(encoder.embed('Rain.', { precision: 'int4' as 'int8' })).rejects.toMatchObject(argument);
    await expect(encoder.embed('Rain.', { precision: 'int8' })).rejects.toMatchObject({
      ...argument,
      message: expect.stringContaining('ranges') as string,
    });
    const backwards: [number[], number[]] = [Array<number>(24).fill(1), Array<number>(24).fill(0)];
    await expect(encoder.embed('Rain.', { precision: 'int8', ranges: backwards })).rejects.toMatchObject(argument);
    await expect(encoder.embed('Rain.', { precision: 'int8', ranges: [[1], [2]] })).rejects.toMatchObject({
      code: 'INVALID_SHAPE',
    });
  });
});

describe('rerank', () => {
  const { tasks } = readJson<{ tasks: RerankTask[] }>('encoders', 'cross-encoder', 'expected.json');
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(`${root}cross-encoder/${name}`)]));
  const variant = (keys: object, more: object = {}): Promise<Encoder> => {
    const config = { ...(JSON.parse(files['config.json'].toString()) as object), ...keys };
    return Encoder.fromPretrained({ ...files, 'config.json': JSON.stringify(config), ...more }, { engine });
  };

  it.each(tasks)(
    'gives the scores of CrossEncoder.rank, $config',
    async ({ config, query, documents: texts, options, result }) => {
      const model = await variant(config);
      const ranked = await model.rerank(query, texts, options);
      expect(ranked.map(({ index, document }) => ({ index, document }))).toEqual(
        result.map(({ index, document }) => ({ index, document })),
      );
      expectNear(
        Float64Array.from(ranked, ({ score }) => score),
        result.map(({ score }) => score),
        2e-5,
      );
      expect(Object.keys((await model.rerank(query, texts))[0])).toEqual(['index', 'score']);
      await model.dispose();
    },
  );

  it('reads the function from config_sentence_transformers.json, too, and knows which ones it has', async () => {
    const [plain, identity] = tasks;
    const settings = JSON.stringify({ activation_fn: 'torch.nn.modules.linear.Identity' });
    const model = await variant({}, { 'config_sentence_transformers.json': settings });
    const [best] = await model.rerank(plain.query, plain.documents, { topK: 1 });
    expect(best.score).toBeCloseTo(identity.result[0].score, 4);
    await model.dispose();
    const odd = await variant({ sentence_transformers: { activation_fn: 'torch.nn.modules.activation.Softsign' } });
    await expect(odd.rerank('a', ['b'])).rejects.toMatchObject({ code: 'UNSUPPORTED_MODEL' });
    await odd.dispose();
  });

  it('tells how far it is, ends with the signal, and takes no documents', async () => {
    const model = await variant({});
    const many = Array.from({ length: 150 }, (_, i) => `The museum keeps ${i} clocks.`);
    const seen: number[] = [];
    const all = await model.rerank('Which museum?', many, { onProgress: ({ done }) => seen.push(done) });
    expect(seen).toEqual([64, 128, 150]);
    expect(all.length).toBe(150);
    const alone = await model.rerank('Which museum?', [many[149]]);
    expect(alone[0].score).toBe(all.find(({ index }) => index === 149)!.score);
    expect(await model.rerank('Which museum?', [])).toEqual([]);
    await expect(model.rerank('a', many, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    await model.dispose();
  });

  it('refuses other heads, and what is not text', async () => {
    const classifier = await load('bert-classify');
    await expect(classifier.rerank('a', ['b'])).rejects.toMatchObject({
      code: 'NO_HEAD',
      message: expect.stringContaining('one label') as string,
    });
    await classifier.dispose();
    await expect(encoder.rerank('a', ['b'])).rejects.toMatchObject({ code: 'NO_HEAD' });
    const model = await variant({});
    const long = tasks[0].documents[2];
    const wrong = (value: unknown): never => value as never;
    await expect(model.rerank('a', [long], { truncation: false })).rejects.toMatchObject({ code: 'TOO_LONG' });
    await expect(model.rerank('a', wrong('b'))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(model.rerank(wrong(['a']), ['b'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(model.rerank('a', ['b'], { topK: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await model.dispose();
  });
});

// nn.TransformerEncoder and nn.TransformerDecoder alone: embeddings in, hidden states and attention maps of PyTorch out.
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import * as platform from '#platform';
import { Decoder } from '../../src/api/decoder';
import type { DecoderStackInputs, EmbeddingInputs, Mask } from '../../src/api/embeddings';
import { Encoder } from '../../src/api/encoder';
import { Tensor } from '../../src/api/tensor';
import { WasmformerError, type WasmformerErrorCode } from '../../src/errors';
import { openCheckpoint } from '../../src/io/safetensors';
import { openSource } from '../../src/io/source';
import { createEngine, type Engine } from '../../src/runtime/host';
import { moveMaps, moveRows, rowLengths, type ExpectedTensor, type Side } from '../golden/load';
import { readStack, stackGoldens, transformerFolder } from '../golden/transformers/load';
import { expectWithin } from '../support/numbers';

const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());

type Stack = Encoder | Decoder;
type StackInput = EmbeddingInputs & DecoderStackInputs;

const isDecoder = (name: string): boolean => name.includes('decoder');
const load = (name: string, own: Engine = engine): Promise<Stack> =>
  (isDecoder(name) ? Decoder : Encoder).fromPretrained(transformerFolder(name), { engine: own });

/** What a golden's case gives to forward, padded on either side. */
function inputOf(tensors: Map<string, ExpectedTensor>, name: string, side: Side): StackInput {
  const get = (key: string, maskKey: string): Tensor => {
    const tensor = tensors.get(key)!;
    const { data, dims } = side === 'right' ? tensor : moveRows(tensor, rowLengths(tensors.get(maskKey)!));
    return new Tensor(data, dims);
  };
  const attentionMask = get('attention_mask', 'attention_mask');
  const input = { inputsEmbeds: get('inputs_embeds', 'attention_mask'), attentionMask };
  if (!isDecoder(name)) return input as StackInput;
  return {
    ...input,
    encoderHiddenStates: get('encoder_hidden_states', 'encoder_attention_mask'),
    encoderAttentionMask: get('encoder_attention_mask', 'encoder_attention_mask'),
  };
}

const rowsOf = ({ data, dims }: ExpectedTensor): number[][] =>
  Array.from({ length: dims[0] }, (_, i) => Array.from(data.subarray(i * dims[1], (i + 1) * dims[1])));

/** Above the diagonal: what torch's causal mask hides. */
const causal = (width: number): boolean[][] =>
  Array.from({ length: width }, (_, i) => Array.from({ length: width }, (_, j) => j > i));

/** The masks of a golden by case, in every form that forward takes. */
function masksOf(tensors: Map<string, ExpectedTensor>, name: string): [string, Mask | undefined][] {
  const [boolean, additive] = ['boolean', 'additive'].map((key) => tensors.get(`${key}.mask`)!);
  const width = boolean.dims[0];
  return [
    ['boolean', rowsOf(boolean).map((row) => row.map(Boolean))],
    ['boolean', new Tensor(Uint8Array.from(boolean.data), boolean.dims)],
    ['boolean', rowsOf(boolean).map((row) => row.map((hidden) => (hidden ? -Infinity : 0)))],
    ['additive', rowsOf(additive)],
    ['additive', new Tensor(additive.data, additive.dims)],
    ['causal', causal(width)],
    isDecoder(name) ? ['causal', undefined] : ['padding', undefined],
  ];
}

function expectRelative(actual: Tensor, { dims, data }: ExpectedTensor, bound: number, what: string): void {
  expect([...actual.dims], what).toEqual(dims);
  const scale = Math.max(...Array.from(data, Math.abs));
  expectWithin(actual.data as Float32Array, data, bound * scale, what);
}

describe.each(stackGoldens)('%s', (name) => {
  const tensors = readStack(name);
  const lengths = rowLengths(tensors.get('attention_mask')!);
  const sources = isDecoder(name) ? rowLengths(tensors.get('encoder_attention_mask')!) : lengths;

  it('equals PyTorch under every mask, padded on the right', { timeout: 60_000 }, async () => {
    await using model = await load(name);
    const { layers } = model.info;
    for (const [mask, value] of masksOf(tensors, name)) {
      const result = await model.forward(
        { ...inputOf(tensors, name, 'right'), mask: value },
        { outputHiddenStates: true, outputAttentions: true },
      );
      const states = result.hiddenStates!;
      expect(states.length).toBe(layers + 1);
      const want = (key: string): ExpectedTensor => tensors.get(`${mask}.${key}`)!;
      states.forEach((state, i) => {
        // the goldens of given masks have the last state only
        if (tensors.has(`${mask}.hidden_states.0`))
          expectRelative(state, want(`hidden_states.${i}`), 2e-5, `${mask}: state ${i}`);
      });
      // padded rows are zeros in both
      expectRelative(result.lastHiddenState, want('last_hidden_state'), 2e-5, mask);
      expect(states.at(-1)!.data).toEqual(result.lastHiddenState.data);
      result.attentions!.forEach((map, i) => expectRelative(map, want(`attentions.${i}`), 2e-5, `${mask}: map ${i}`));
      const cross = 'crossAttentions' in result ? (result.crossAttentions as Tensor[]) : [];
      expect(cross.length).toBe(isDecoder(name) ? layers : 0);
      cross.forEach((map, i) => expectRelative(map, want(`cross_attentions.${i}`), 2e-5, `${mask}: cross map ${i}`));
    }
  });

  it('equals PyTorch padded on the left', async () => {
    await using model = await load(name);
    const mask = isDecoder(name) ? undefined : causal(Math.max(...lengths));
    const result = await model.forward(
      { ...inputOf(tensors, name, 'left'), mask },
      { outputHiddenStates: true, outputAttentions: true },
    );
    const last = tensors.get('causal.last_hidden_state')!;
    expectRelative(result.lastHiddenState, moveRows(last, lengths), 2e-5, 'last state');
    result.attentions!.forEach((map, i) =>
      expectRelative(map, moveMaps(tensors.get(`causal.attentions.${i}`)!, lengths, lengths), 2e-5, `map ${i}`),
    );
    const cross = 'crossAttentions' in result ? (result.crossAttentions as Tensor[]) : [];
    cross.forEach((map, i) =>
      expectRelative(map, moveMaps(tensors.get(`causal.cross_attentions.${i}`)!, lengths, sources), 2e-5, `map ${i}`),
    );
  });

  it(
    'gives a sequence the same bits for any number of threads, alone and in a batch',
    { timeout: 60_000 },
    async () => {
      const input = inputOf(tensors, name, 'right');
      const mask = masksOf(tensors, name)[3][1] as number[][];
      const results: Float32Array[] = [];
      for (const threads of [1, 2, 3]) {
        await using own = await createEngine({ threads, worker: false });
        const model = await load(name, own);
        results.push((await model.forward({ ...input, mask })).lastHiddenState.data);
      }
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);

      await using model = await load(name);
      const embeds = input.inputsEmbeds as Tensor;
      const [, width, d] = embeds.dims;
      const n = lengths[1];
      const rows = Array.from({ length: n }, (_, t) =>
        Array.from(embeds.data.slice((width + t) * d, (width + t + 1) * d) as Float32Array),
      );
      const alone: StackInput = { inputsEmbeds: [rows], mask: mask.slice(0, n).map((row) => row.slice(0, n)) } as never;
      if (isDecoder(name)) {
        const memory = input.encoderHiddenStates as Tensor;
        const [, sourceWidth] = memory.dims;
        const from = sourceWidth * d;
        alone.encoderHiddenStates = new Tensor(memory.data.slice(from, from + sources[1] * d), [sources[1], d]);
      }
      const { data } = (await model.forward(alone)).lastHiddenState;
      expect(data).toEqual(results[0].slice(width * d, (width + n) * d));
    },
  );
});

describe('many sequences', () => {
  it('a large batch runs in chunks, each sequence as if alone', { timeout: 60_000 }, async () => {
    const name = 'transformer-encoder';
    await using model = (await load(name)) as Encoder;
    const d = model.info.hiddenSize;
    const width = 60;
    const wave = (i: number, t: number): number[] => Array.from({ length: d }, (_, c) => Math.sin(i + 3 * t + 0.7 * c));
    const batch = Array.from({ length: 40 }, (_, i) => Array.from({ length: width - (i % 7) }, (_, t) => wave(i, t)));
    const mask = causal(width);
    const all = await model.forward({ inputsEmbeds: batch, mask });
    for (const i of [0, 17, 39]) {
      const n = batch[i].length;
      const alone = await model.forward({ inputsEmbeds: [batch[i]], mask: causal(n) });
      expect(alone.lastHiddenState.data).toEqual(all.lastHiddenState.data.slice(i * width * d, (i * width + n) * d));
    }
  });

  it('embeds pools embeddings', async () => {
    await using model = (await load('transformer-encoder')) as Encoder;
    const d = model.info.hiddenSize;
    const inputsEmbeds = [[new Float32Array(d).fill(1).map((_, i) => i), new Float32Array(d).fill(0.5)]];
    const { lastHiddenState } = await model.forward({ inputsEmbeds });
    const pooled = await model.embed({ inputsEmbeds }, { pooling: 'mean', normalize: false });
    const mean = Array.from({ length: d }, (_, i) => (lastHiddenState.data[i] + lastHiddenState.data[d + i]) / 2);
    expectWithin(pooled.data, mean, 1e-6);
  });
});

describe('bad input', () => {
  async function expectError(run: () => Promise<unknown>, code: WasmformerErrorCode, message: RegExp): Promise<void> {
    const error = await run().then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error, `an error ${code}`).toBeInstanceOf(WasmformerError);
    expect((error as WasmformerError).message).toMatch(message);
    expect((error as WasmformerError).code).toBe(code);
  }
  const tokens = (n: number, d: number): number[][] => Array.from({ length: n }, () => new Array<number>(d).fill(0.5));

  it('is a clear error of an encoder, and the next call works', async () => {
    await using model = (await load('transformer-encoder')) as Encoder;
    const d = model.info.hiddenSize;
    const inputsEmbeds = [tokens(3, d)];
    const want = (await model.forward({ inputsEmbeds })).lastHiddenState.data;
    const forward =
      (input: object): (() => Promise<unknown>) =>
      () =>
        model.forward(input as never);
    const bad: [() => Promise<unknown>, WasmformerErrorCode, RegExp][] = [
      [forward({ inputIds: [[1, 2]] }), 'INVALID_ARGUMENT', /stack.*inputsEmbeds/],
      [() => model.forward('a text'), 'INVALID_ARGUMENT', /stack.*inputsEmbeds/],
      [() => model.embed('a text'), 'INVALID_ARGUMENT', /stack.*inputsEmbeds/],
      [forward({ inputIds: [[1]], inputsEmbeds }), 'INVALID_ARGUMENT', /both inputIds and inputsEmbeds/],
      [forward({ inputsEmbeds: [] }), 'INVALID_ARGUMENT', /batch is empty: inputsEmbeds/],
      [forward({ inputsEmbeds: [[]] }), 'INVALID_ARGUMENT', /no tokens/],
      [forward({ inputsEmbeds: 7 }), 'INVALID_ARGUMENT', /inputsEmbeds.*number/],
      [forward({ inputsEmbeds: null }), 'INVALID_ARGUMENT', /inputsEmbeds.*null/],
      [forward({ inputsEmbeds: [tokens(2, d + 1)] }), 'INVALID_SHAPE', new RegExp(`${d + 1} numbers, not ${d}`)],
      [
        forward({ inputsEmbeds: new Tensor(new Float32Array(10), [1, 2, 5]) }),
        'INVALID_SHAPE',
        new RegExp(`\\[batch, tokens, ${d}\\].*\\[1, 2, 5\\]`),
      ],
      [forward({ inputsEmbeds: [[['x', ...new Array<number>(d - 1).fill(0)]]] }), 'INVALID_ARGUMENT', /numbers.*x/],
      [forward({ inputsEmbeds, attentionMask: [[1, 1]] }), 'INVALID_SHAPE', /attentionMask.*inputsEmbeds.*\[1, 3\]/],
      [forward({ inputsEmbeds, tokenTypeIds: [[0, 1, 0]] }), 'INVALID_ARGUMENT', /tokenTypeIds/],
      [forward({ inputsEmbeds, mask: causal(2) }), 'INVALID_SHAPE', /mask must be \[3, 3\].*2 rows/],
      [forward({ inputsEmbeds, mask: [[true], [true], [true]] }), 'INVALID_SHAPE', /row 0 has 1/],
      [forward({ inputsEmbeds, mask: new Tensor(new Float32Array(6), [2, 3]) }), 'INVALID_SHAPE', /\[2, 3\]/],
      [forward({ inputsEmbeds, mask: [[true, 0, 0], ...causal(2)] }), 'INVALID_ARGUMENT', /one kind/],
      [forward({ inputsEmbeds, mask: tokens(3, 3).map((row) => row.map(() => NaN)) }), 'INVALID_ARGUMENT', /NaN/],
      [forward({ inputsEmbeds, mask: 'causal' }), 'INVALID_ARGUMENT', /mask.*string/],
    ];
    for (const [run, code, message] of bad) await expectError(run, code, message);
    expect((await model.forward({ inputsEmbeds })).lastHiddenState.data).toEqual(want);
  });

  it('is a clear error of a decoder', async () => {
    await using model = (await load('transformer-decoder')) as Decoder;
    const d = model.info.hiddenSize;
    const inputsEmbeds = [tokens(3, d)];
    const encoderHiddenStates = [tokens(2, d)];
    const forward =
      (input: object): (() => Promise<unknown>) =>
      () =>
        model.forward(input as never);
    const bad: [() => Promise<unknown>, WasmformerErrorCode, RegExp][] = [
      [forward({ inputIds: [[1, 2]] }), 'INVALID_ARGUMENT', /stack.*encoderHiddenStates/],
      [forward({ inputsEmbeds }), 'INVALID_ARGUMENT', /encoderHiddenStates are missing/],
      [
        forward({ inputsEmbeds, encoderHiddenStates: [tokens(2, 3)] }),
        'INVALID_SHAPE',
        /encoderHiddenStates.*3 numbers/,
      ],
      [
        forward({ inputsEmbeds, encoderHiddenStates: [tokens(2, d), tokens(1, d)] }),
        'INVALID_SHAPE',
        /encoderHiddenStates has 2 sequences.*inputsEmbeds has 1/,
      ],
      [
        forward({ inputsEmbeds, encoderHiddenStates, encoderAttentionMask: [[1, 1, 1]] }),
        'INVALID_SHAPE',
        /encoderAttentionMask.*encoderHiddenStates/,
      ],
      [
        forward({ inputsEmbeds, encoderHiddenStates, encoderAttentionMask: [[0, 0]] }),
        'INVALID_ARGUMENT',
        /encoderAttentionMask is all zeros/,
      ],
      [forward({ inputsEmbeds, encoderHiddenStates, mask: causal(4) }), 'INVALID_SHAPE', /\[3, 3\].*4 rows/],
      [() => model.generate([1, 2]).result(), 'NO_HEAD', /cannot generate/],
    ];
    for (const [run, code, message] of bad) await expectError(run, code, message);
    expect(() => model.createSession()).toThrow(/cannot generate/);
    const { lastHiddenState } = await model.forward({ inputsEmbeds, encoderHiddenStates });
    expect(lastHiddenState.dims).toEqual([1, 3, d]);
  });
});

describe.each(['bert-masked-lm', 'distilbert-masked-lm', 'roberta-masked-lm', 'mpnet-masked-lm'])('%s', (name) => {
  it('takes embeddings in place of ids', async () => {
    const folder = fileURLToPath(new URL(`../golden/encoders/${name}`, import.meta.url));
    await using model = await Encoder.fromPretrained(folder, { engine });
    const source = await openSource(folder, { files: platform.files });
    const checkpoint = await openCheckpoint(source);
    const table = [...checkpoint.tensors.keys()].find((key) => key.endsWith('word_embeddings.weight'))!;
    const d = model.info.hiddenSize;
    const inputIds = [
      [5, 9, 7, 11],
      [6, 8, 0, 0],
    ];
    const attentionMask = [
      [1, 1, 1, 1],
      [1, 1, 0, 0],
    ];
    const inputsEmbeds = await Promise.all(
      inputIds.map((row) =>
        Promise.all(
          row.map(async (id) => {
            const bytes = await checkpoint.read([{ name: table, start: id * d * 4, length: d * 4 }]);
            return new Float32Array(Uint8Array.from(bytes).buffer);
          }),
        ),
      ),
    );
    await source.close();
    const [ids, embeds] = [
      await model.forward({ inputIds, attentionMask }),
      await model.forward({ inputsEmbeds, attentionMask }),
    ];
    expect(embeds.lastHiddenState.data).toEqual(ids.lastHiddenState.data);
    expect(embeds.logits!.data).toEqual(ids.logits!.data);
    const mask = causal(4);
    await expect(model.forward({ inputsEmbeds, mask })).rejects.toThrow(/only a stack alone/);
  });
});

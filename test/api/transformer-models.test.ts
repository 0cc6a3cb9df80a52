// Transformer on a real checkpoint, and on configs that say what cannot be.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Transformer } from '../../src/api/transformer';
import { WasmformerError, type WasmformerErrorCode } from '../../src/errors';
import { writeSafetensors } from '../../src/io/safetensors-write';
import { createEngine } from '../../src/runtime/host';
import { hasModel, modelsDir } from '../support/models';

const engine = await createEngine({ threads: 1, worker: false });
afterAll(() => engine.dispose());

interface Word {
  word: string;
  input_ids: number[];
  /** With the start token. */
  output_ids: number[];
  /** Not of every word. */
  first_step_logits: number[] | null;
  encoder_last_hidden_first8: number[] | null;
}

describe.runIf(hasModel('g2p-bart-us'))('g2p-bart-us', () => {
  const folder = `${modelsDir}/g2p-bart-us`;

  it('gives the reference its greedy phonemes, first logits and encodings', async () => {
    const { cases } = JSON.parse(readFileSync(`${folder}/expected_greedy_numpy.json`, 'utf8')) as { cases: Word[] };
    const model = await Transformer.fromPretrained(folder, { engine });
    const sources = cases.map(({ input_ids }) => input_ids);
    const results = await model.generate(sources, { maxNewTokens: 62 }).result();
    for (const [
      at,
      { word, input_ids, output_ids, first_step_logits, encoder_last_hidden_first8 },
    ] of cases.entries()) {
      const { logits, encoderLastHiddenState } = await model.forward({
        inputIds: [input_ids],
        decoderInputIds: [[output_ids[0]]],
      });
      first_step_logits?.forEach((value, i) => expect(Math.abs(value - logits.data[i]), word).toBeLessThan(1e-4));
      encoder_last_hidden_first8?.forEach((value, i) =>
        expect(Math.abs(value - encoderLastHiddenState.data[i]), word).toBeLessThan(1e-5),
      );
      expect([1, ...results[at].ids], word).toEqual(output_ids);
    }
    await model.dispose();
  });
});

describe('configs', () => {
  const config = {
    architectures: ['BartForConditionalGeneration'],
    vocab_size: 20,
    max_position_embeddings: 16,
    d_model: 8,
    encoder_layers: 1,
    encoder_attention_heads: 2,
    encoder_ffn_dim: 12,
    decoder_layers: 1,
    decoder_attention_heads: 4,
    decoder_ffn_dim: 16,
  };

  /** Loads a checkpoint of tensors that are all zero. */
  const open = (
    settings: Record<string, unknown>,
    tensors: Record<string, readonly number[]> = {},
  ): Promise<Transformer> =>
    Transformer.fromPretrained(
      {
        'config.json': JSON.stringify({ ...config, ...settings }),
        'model.safetensors': writeSafetensors(
          Object.entries(tensors).map(([name, dims]) => ({
            name,
            dtype: 'F32',
            dims: [...dims],
            data: new Uint8Array(4 * dims.reduce((a, b) => a * b, 1)),
          })),
        ),
      },
      { engine },
    );

  async function expectError(
    run: () => Promise<unknown>,
    code: WasmformerErrorCode,
    ...messages: RegExp[]
  ): Promise<void> {
    const error = await run().then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error, `an error ${code}`).toBeInstanceOf(WasmformerError);
    expect((error as WasmformerError).code).toBe(code);
    for (const message of messages) expect((error as WasmformerError).message).toMatch(message);
  }

  it.each(['bart', 'mbart', 'marian', 'm2m_100', 'pegasus'])('%s: what cannot be', async (model_type) => {
    const invalid: [Record<string, unknown>, RegExp][] = [
      [{ encoder_attention_heads: 3 }, /hidden size 8 .* heads, 3/],
      [{ decoder_attention_heads: 0 }, /hidden size 8 .* heads, 0/],
      [{ d_model: '8' }, /d_model must be a whole number, but is "8"/],
      [{ decoder_layers: null }, /decoder_layers must be a whole number/],
      [{ encoder_ffn_dim: 1.5 }, /encoder_ffn_dim must be a whole number, but is 1.5/],
    ];
    for (const [settings, message] of invalid)
      await expectError(() => open({ model_type, ...settings }), 'INVALID_CONFIG', message);
    await expectError(
      () => open({ model_type, activation_function: 'softplus' }),
      'UNSUPPORTED_MODEL',
      /activation_function is "softplus"; supported are gelu, /,
    );
    await expectError(
      () => open({ model_type, architectures: ['BartForSequenceClassification'] }),
      'UNSUPPORTED_MODEL',
      /"BartForSequenceClassification" is not supported; a Transformer may be/,
    );
  });

  it('an unknown model_type', async () => {
    await expectError(() => open({ model_type: 'led' }), 'UNSUPPORTED_MODEL', /"led" .*supported are bart, mbart/);
  });

  it('everything that is missing or of another shape is listed', async () => {
    await expectError(
      () => open({ model_type: 'bart' }, { 'model.shared.weight': [20, 9], final_logits_bias: [1, 21] }),
      'MISSING_TENSOR',
      /model\.shared\.weight is \[20, 9\], but config\.json asks for \[20, 8\]/,
      /final_logits_bias is \[1, 21\], but config\.json asks for \[1, 20\]/,
      /model\.encoder\.embed_positions\.weight \[18, 8\] is missing/,
      /model\.decoder\.layers\.0\.encoder_attn\.k_proj\.weight \[8, 8\] is missing/,
      /model\.decoder\.layers\.0\.fc2\.weight \[8, 16\] is missing/,
    );
    // what a config leaves out is as in transformers
    await expectError(
      () => open({ model_type: 'pegasus', vocab_size: undefined }, { 'shared.weight': [20, 8] }),
      'MISSING_TENSOR',
      /shared\.weight is \[20, 8\], but config\.json asks for \[50265, 8\]/,
    );
  });
});

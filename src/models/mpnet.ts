// MPNet (Song et al. 2020): RoBERTa with T5's relative positions besides its own, and no token types.
import { WasmformerError } from '../errors';
import { normal } from '../nn/init';
import { relativeBias } from '../nn/relative';
import { prefixed } from './bert';
import { integer, type Architecture, type EncoderModel } from './model';
import { robertaModel } from './roberta';

/** transformers fixes these, and position ids start behind a padding index of 1, whatever the config says. */
const BUCKETS = { count: 32, maxDistance: 128, bidirectional: true };
const POSITION_OFFSET = 2;

export const mpnet: Architecture<EncoderModel> = {
  aliases: prefixed('mpnet'),
  build(config, p) {
    const count = integer(config, 'relative_attention_num_buckets', BUCKETS.count);
    if (count !== BUCKETS.count) {
      throw new WasmformerError(
        'UNSUPPORTED_MODEL',
        `config.json: relative_attention_num_buckets ${count} is not supported; MPNet has ${BUCKETS.count}`,
      );
    }
    return robertaModel(config, p, {
      positionOffset: POSITION_OFFSET,
      typeVocabSize: 0,
      attentionNames: ['attn.q', 'attn.k', 'attn.v', 'attn.o', 'LayerNorm'],
      relative: (heads) => relativeBias(p, 'encoder.relative_attention_bias', heads, BUCKETS, normal(0.02)),
    });
  },
};

// What BART's family declares: word tables, positions and the two stacks of blocks (bart.ts puts them together).
import type { Weight } from '../core/graph';
import type { HeadShape } from '../nn/attention';
import type { Block } from '../nn/blocks';
import type { Norm, Parameters } from '../nn/parameters';
import { sinusoidalFairseq, sinusoidalHalves } from '../nn/sinusoidal';
import { activationOf, headSize, integer, paddingOf, type Config } from './model';

const EPS = 1e-5;

/** Where the relatives differ. */
export interface Traits {
  /** With 'pre', a last norm follows each stack. */
  readonly arrangement: 'pre' | 'post';
  /** A table of each stack's own, counted from 2; sinusoids from 0; or fairseq's, counted from behind the padding id. */
  readonly positions: 'learned' | 'sinusoidal' | 'fairseq';
  /** A norm follows the embeddings. */
  readonly embeddingNorm: boolean;
  /** The encoder may have a vocabulary of its own. */
  readonly ownVocabulary?: boolean;
  /** What a config leaves out. */
  readonly defaults: Config;
}

/** The word tables of both stacks and of the head. */
interface Words {
  readonly encoder: Weight;
  readonly decoder: Weight;
  readonly head: Weight;
  readonly sourceVocabSize: number;
  readonly vocabSize: number;
}

export function wordsOf(config: Config, p: Parameters, { ownVocabulary = false }: Traits, d: number): Words {
  const sourceVocabSize = integer(config, 'vocab_size');
  const tied = config.tie_word_embeddings !== false;
  const shared = !ownVocabulary || config.share_encoder_decoder_embeddings !== false;
  const vocabSize = shared ? sourceVocabSize : integer(config, 'decoder_vocab_size', sourceVocabSize);
  const sizes = { sourceVocabSize, vocabSize };
  const padding = paddingOf(config);
  if (shared && tied) {
    const table = p.embedding('shared', vocabSize, d, true, padding);
    return { encoder: table, decoder: table, head: table, ...sizes };
  }
  let common: Weight | undefined;
  const table = (side: string, rows: number, isHead = false): Weight =>
    !shared || p.has(`${side}.embed_tokens.weight`, !ownVocabulary)
      ? p.embedding(`${side}.embed_tokens`, rows, d, isHead, padding)
      : (common ??= p.embedding('shared', rows, d, false, padding));
  const encoder = table('encoder', sourceVocabSize);
  if (tied) {
    const decoder = table('decoder', vocabSize, true);
    return { encoder, decoder, head: decoder, ...sizes };
  }
  const decoder = table('decoder', vocabSize);
  return { encoder, decoder, head: p.linear('lm_head', vocabSize, d, { bias: false }).weight, ...sizes };
}

/** Tables of positions, how far they reach and where they are counted from. */
interface Positions {
  readonly encoder: Weight;
  readonly decoder: Weight;
  readonly offset: number;
  readonly count: number;
}

export function positionsOf(config: Config, p: Parameters, { positions }: Traits, d: number): Positions {
  const count = integer(config, 'max_position_embeddings');
  const fairseq = positions === 'fairseq';
  const offset = positions === 'learned' ? 2 : fairseq ? integer(config, 'pad_token_id') + 1 : 0;
  const rows = count + offset;
  let computed: Weight | undefined;
  const make = fairseq ? sinusoidalFairseq : sinusoidalHalves;
  const table = (side: string): Weight => {
    const name = `${side}.embed_positions`;
    // transformers takes Marian's and Pegasus' sinusoids from the file where they are stored, rounded as that may have them
    const isStored = positions === 'learned' || (!fairseq && p.has(`${name}.weight`));
    return isStored
      ? p.embedding(name, rows, d)
      : (computed ??= p.computed('embed_positions', [rows, d], [], () => make(rows, d)));
  };
  return { encoder: table('encoder'), decoder: table('decoder'), offset, count };
}

/** One of the two stacks: its blocks, and the norms before and behind them. */
export interface Stack {
  readonly shape: HeadShape;
  readonly blocks: readonly Block[];
  readonly embeddingNorm: Norm | null;
  readonly finalNorm: Norm | null;
}

export function stackOf(config: Config, p: Parameters, traits: Traits, side: 'encoder' | 'decoder', d: number): Stack {
  const layers = integer(config, `${side}_layers`);
  const heads = integer(config, `${side}_attention_heads`);
  const inner = integer(config, `${side}_ffn_dim`);
  const activation = activationOf(config, 'activation_function');
  const named = (names: readonly string[], at: string): string[] => names.map((name) => `${at}.${name}_proj`);
  const blocks = Array.from({ length: layers }, (_, i): Block => {
    const at = `${side}.layers.${i}`;
    return {
      attention: {
        qkv: p.linear(named(['q', 'k', 'v'], `${at}.self_attn`), d, d),
        out: p.linear(`${at}.self_attn.out_proj`, d, d),
      },
      attentionNorm: p.norm(`${at}.self_attn_layer_norm`, d, EPS),
      cross:
        side === 'encoder'
          ? undefined
          : {
              attention: {
                query: p.linear(`${at}.encoder_attn.q_proj`, d, d),
                keyValue: p.linear(named(['k', 'v'], `${at}.encoder_attn`), d, d),
                out: p.linear(`${at}.encoder_attn.out_proj`, d, d),
              },
              norm: p.norm(`${at}.encoder_attn_layer_norm`, d, EPS),
            },
      feedForward: { up: p.linear(`${at}.fc1`, inner, d), down: p.linear(`${at}.fc2`, d, inner), activation },
      feedForwardNorm: p.norm(`${at}.final_layer_norm`, d, EPS),
    };
  });
  return {
    shape: { heads, kvHeads: heads, size: headSize(d, heads), causal: side === 'decoder' },
    blocks,
    embeddingNorm: traits.embeddingNorm ? p.norm(`${side}.layernorm_embedding`, d, EPS) : null,
    finalNorm: traits.arrangement === 'pre' ? p.norm(`${side}.layer_norm`, d, EPS) : null,
  };
}

// Rotary position embeddings (Su et al. 2021) and the ways in which their frequencies are stretched for longer contexts;
// transformers' modeling_rope_utils.
import { WasmformerError } from '../errors';
import { rotary } from '../ops/rotary';
import type { HeadShape } from './attention';

/** Config as far as rotary embeddings are concerned. */
type Config = Readonly<Record<string, unknown>>;

/** The rotation of one model's queries and keys. */
export interface Rotary {
  /** Columns of a head that are rotated, an even number. */
  readonly dim: number;
  /** cos and sin are multiplied by it. */
  readonly scaling: number;
  /** Radians a position, [dim / 2], for sequences of so many tokens. The same object as long as nothing changes. */
  frequencies(length: number): Float32Array;
  /** Longest sequence, by what the config says. */
  readonly maxPositions: number;
}

type Frequencies = (i: number) => number;

/** What a config says of rotary embeddings: `rope_parameters`, which transformers 4 called `rope_scaling`. */
export function ropeSettings(config: Config): Config {
  return (config.rope_scaling ?? config.rope_parameters ?? {}) as Config;
}

/** The rotation that a config describes, by `rope_parameters` (or `rope_scaling` and `rope_theta`).
 *  @param dim columns of a head that are rotated; an odd number counts in the frequencies, and one more is rotated
 *  @throws INVALID_CONFIG, UNSUPPORTED_MODEL (a rope_type that is not known) */
export function rotaryOf(config: Config, dim: number): Rotary {
  const given = ropeSettings(config);
  const type = given.rope_type ?? given.type ?? 'default';
  const base = positive('rope_theta', given.rope_theta ?? config.rope_theta ?? 10000);
  const limit = positive('max_position_embeddings', config.max_position_embeddings ?? Infinity);
  const need = (key: string): number => {
    const value = given[key];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new WasmformerError(
      'INVALID_CONFIG',
      `config.json: rope_scaling of type ${JSON.stringify(type)} needs a number ${key}, but it is ${JSON.stringify(value)}`,
    );
  };
  const optional = (key: string): number | undefined => (given[key] == null ? undefined : need(key));
  const plain = powers(base, dim);
  const fixed = (frequency: Frequencies, scaling = 1, maxPositions = limit): Rotary => {
    // not before a weight has confirmed the size
    let values: Float32Array<ArrayBuffer> | undefined;
    return {
      dim: 2 * pairsOf(dim),
      scaling,
      maxPositions,
      frequencies: () => (values ??= valuesOf(dim, frequency)),
    };
  };
  switch (type) {
    case 'default':
      return fixed(plain);
    case 'linear': {
      const factor = need('factor');
      return fixed((i) => plain(i) / factor, 1, limit * factor);
    }
    case 'dynamic':
      return dynamic(base, dim, need('factor'), limit);
    case 'llama3': {
      const original = optional('original_max_position_embeddings') ?? limit;
      return fixed(llama3(plain, need('factor'), need('low_freq_factor'), need('high_freq_factor'), original));
    }
    case 'yarn': {
      const factor = need('factor');
      const original = optional('original_max_position_embeddings') ?? limit;
      const [mscale, all] = [optional('mscale'), optional('mscale_all_dim')];
      const scale = (by = 1): number => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
      const scaling = optional('attention_factor') ?? (mscale && all ? scale(mscale) / scale(all) : scale());
      const range = yarnRange(
        [optional('beta_fast') || 32, optional('beta_slow') || 1],
        { dim, base, original },
        given.truncate !== false,
      );
      return fixed(yarn(plain, factor, range), scaling, Math.max(limit, original * factor));
    }
    case 'longrope':
      return longrope(config, given, base, dim, limit, optional('attention_factor'), optional('factor'));
    default:
      throw new WasmformerError(
        'UNSUPPORTED_MODEL',
        `config.json: rope_type ${JSON.stringify(type)} is not supported; supported are default, linear, dynamic, llama3, yarn, longrope`,
      );
  }
}

function positive(key: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value;
  throw new WasmformerError(
    'INVALID_CONFIG',
    `config.json: ${key} must be a number above 0, but is ${JSON.stringify(value)}`,
  );
}

const { fround } = Math;

/** base^(-2 i / dim), rounded as PyTorch does in f32. */
function powers(base: number, dim: number, divisor: (i: number) => number = () => 1): Frequencies {
  return (i) => fround(1 / fround(divisor(i) * fround(base ** fround((2 * i) / dim))));
}

const pairsOf = (dim: number): number => Math.ceil(dim / 2);

/** The frequencies of all pairs of columns. */
function valuesOf(dim: number, frequency: Frequencies): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: pairsOf(dim) }, (_, i) => frequency(i));
}

/** The base grows with the sequence, once it is longer than the model was trained for. */
function dynamic(base: number, dim: number, factor: number, limit: number): Rotary {
  let known = { length: 0, values: new Float32Array(0) };
  return {
    dim: 2 * pairsOf(dim),
    scaling: 1,
    maxPositions: Infinity,
    frequencies(length) {
      const effective = Math.max(length, limit);
      if (known.length !== effective) {
        const stretched = base * ((factor * effective) / limit - (factor - 1)) ** (dim / (dim - 2));
        known = {
          length: effective,
          values: valuesOf(dim, powers(stretched, dim)),
        };
      }
      return known.values;
    },
  };
}

/** Long wavelengths are stretched, short ones kept, those between blended (Llama 3.1). */
function llama3(plain: Frequencies, factor: number, low: number, high: number, original: number): Frequencies {
  return (i) => {
    const frequency = plain(i);
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < original / high) return frequency;
    if (wavelength > original / low) return frequency / factor;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  };
}

/** Where YaRN's ramp between kept and stretched frequencies begins and ends (Peng et al. 2023). */
function yarnRange(
  rotations: readonly [fast: number, slow: number],
  { dim, base, original }: { dim: number; base: number; original: number },
  truncate: boolean,
): [number, number] {
  const [low, high] = rotations.map(
    (turns) => (dim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base)),
  );
  const [from, to] = [
    Math.max(0, truncate ? Math.floor(low) : low),
    Math.min(dim - 1, truncate ? Math.ceil(high) : high),
  ];
  return [from, from === to ? to + 0.001 : to];
}

function yarn(plain: Frequencies, factor: number, [from, to]: [number, number]): Frequencies {
  return (i) => {
    const ramp = Math.min(1, Math.max(0, (i - from) / (to - from)));
    return (plain(i) / factor) * ramp + plain(i) * (1 - ramp);
  };
}

/** A factor for every frequency: one list up to the original length, another beyond (LongRoPE). */
function longrope(
  config: Config,
  given: Config,
  base: number,
  dim: number,
  limit: number,
  attentionFactor: number | undefined,
  givenFactor: number | undefined,
): Rotary {
  const stated = config.original_max_position_embeddings ?? given.original_max_position_embeddings;
  const original = typeof stated === 'number' ? stated : limit;
  const isOutside = typeof config.original_max_position_embeddings === 'number';
  const factor = (isOutside ? undefined : givenFactor) ?? limit / original;
  const scaling = attentionFactor ?? (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)));
  const count = pairsOf(dim);
  const [short, long] = ['short_factor', 'long_factor'].map((key) => {
    const factors = given[key];
    if (!Array.isArray(factors) || factors.length !== count)
      throw new WasmformerError('INVALID_CONFIG', `config.json: rope_scaling needs ${key}, a list of ${count} numbers`);
    return valuesOf(
      dim,
      powers(base, dim, (i) => fround(factors[i])),
    );
  });
  const maxPositions = Math.max(limit, original * factor);
  return { dim: 2 * count, scaling, maxPositions, frequencies: (length) => (length > original ? long : short) };
}

/** Turns the first `dim` columns of every head, the first half of them with the second (transformers' rotate_half). */
export function turnHalves(dim: number): HeadShape['rotary'] {
  return (x, table, shape) => rotary(x, table, { ...shape, rotaryDim: dim, style: 'half' });
}

/** Rows of cos and sin for positions, as the rotary op reads them; remembers what it has computed. */
export class RotaryTable {
  private frequencies: Float32Array | null = null;
  private rows = new Float32Array(0);
  private known = 0;

  constructor(private readonly rotary: Rotary) {}

  /** Writes [cos, sin] (dim floats) of every position to `out`. `length`: tokens of the sequence, past ones included. */
  write(positions: Int32Array, length: number, out: Float32Array): void {
    const { dim } = this.rotary;
    const frequencies = this.rotary.frequencies(length);
    if (frequencies !== this.frequencies) {
      this.frequencies = frequencies;
      this.known = 0;
    }
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i];
      if (position >= this.known) this.extend(position + 1);
      out.set(this.rows.subarray(position * dim, (position + 1) * dim), i * dim);
    }
  }

  private extend(positions: number): void {
    const { dim, scaling } = this.rotary;
    const half = dim / 2;
    if (positions * dim > this.rows.length) {
      const grown = new Float32Array(Math.max(2 * this.rows.length, positions * dim));
      grown.set(this.rows.subarray(0, this.known * dim));
      this.rows = grown;
    }
    for (let position = this.known; position < positions; position++) {
      for (let i = 0; i < half; i++) {
        const angle = fround(position * this.frequencies![i]);
        this.rows[position * dim + i] = Math.cos(angle) * scaling;
        this.rows[position * dim + half + i] = Math.sin(angle) * scaling;
      }
    }
    this.known = positions;
  }
}

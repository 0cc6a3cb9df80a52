// The weights that a model asks for: what they are called in the checkpoint, their shapes, how they are held. Declaring
// reads nothing; the loader (runtime/load.ts) fills them in, tensor by tensor.
import type { Weight } from '../core/graph';
import { WasmformerError } from '../errors';
import { ONES, TORCH_INITS, ZEROS, type Init, type Inits } from './init';

/** A tensor of the checkpoint that fills part of a weight. */
export interface Source {
  /** Names under which checkpoints have it, the usual one first. */
  readonly names: readonly string[];
  readonly dims: readonly number[];
  /** First row of the weight that it fills. */
  readonly row: number;
  /** The tensor is [in, out]: its columns are the weight's rows. */
  readonly transposed?: boolean;
  /** First row of the tensor that is used, and how many; all of them unless said. */
  readonly from?: number;
  readonly count?: number;
  /** What the tensor is filled with where there is no checkpoint. */
  readonly init: Init;
}

/** A weight and where it comes from. */
export interface Declaration {
  readonly weight: Weight;
  readonly sources: readonly Source[];
  /** Makes the weight's rows from its sources' elements, instead of taking them as they are. */
  readonly compute?: (...tensors: Float32Array[]) => Float32Array;
  /** Only matmul and gather read it, so that it may be held in 16 bits. */
  readonly isMatrix: boolean;
}

/** nn.Linear: x W^T + b. */
export interface Linear {
  readonly weight: Weight;
  readonly bias: Weight | null;
}

/** nn.LayerNorm's scale and shift. */
export interface Norm {
  readonly kind: 'layer';
  readonly weight: Weight;
  readonly bias: Weight | null;
  readonly eps: number;
}

/** nn.RMSNorm's scale. */
export interface RmsNorm {
  readonly kind: 'rms';
  readonly weight: Weight;
  readonly eps: number;
}

export interface LinearOptions {
  bias?: boolean;
  /** Name of the bias where it is not `{name}.bias`. */
  biasName?: string;
  /** The checkpoint stores [in, out], as GPT-2's Conv1D does. */
  transposed?: boolean;
  /** How the weight starts, or the weight of each name, where it is not as the architecture's others. */
  init?: Init | readonly Init[];
  biasInit?: Init;
}

/** No model has as many. */
const MOST_WEIGHTS = 100_000;

/** Collects the declarations of one model. */
export class Parameters {
  readonly declarations: Declaration[] = [];

  /** @param isPresent whether the checkpoint has a tensor of this name; null: there is no checkpoint
   *  @param aliases all names under which checkpoints have a tensor, the one to write first
   *  @param inits how parameters start that do not say it themselves */
  constructor(
    private readonly isPresent: ((name: string) => boolean) | null,
    private readonly aliases: (name: string) => string[] = (name) => [name],
    private readonly inits: Inits = TORCH_INITS,
  ) {}

  /** Whether the checkpoint has a tensor.
   *  @param fresh whether a model without a checkpoint has it */
  has(name: string, fresh = false): boolean {
    return this.isPresent ? this.aliases(name).some(this.isPresent) : fresh;
  }

  /** A linear layer `{name}.weight` [out, in] and `{name}.bias` [out]. Several names make one layer whose outputs lie side
   *  by side, so that one product serves them all; `out` is then one width for all, or one for each. */
  linear(
    name: string | readonly string[],
    out: number | readonly number[],
    depth: number,
    options: LinearOptions = {},
  ): Linear {
    const { bias = true, biasName, transposed = false, init = this.inits.weight(depth) } = options;
    const { biasInit = this.inits.bias(depth) } = options;
    const names = typeof name === 'string' ? [name] : name;
    let total = 0;
    const parts = names.map((part, i) => {
      const width = typeof out === 'number' ? out : out[i];
      total += width;
      return { part, width, row: total - width };
    });
    const weight = this.declare(
      [total, depth],
      'packed',
      parts.map(({ part, width, row }, i) => ({
        ...this.source(
          `${part}.weight`,
          transposed ? [depth, width] : [width, depth],
          row,
          'kind' in init ? init : init[i],
        ),
        transposed,
      })),
    );
    const shift = bias
      ? this.declare(
          [total],
          'rows',
          parts.map(({ part, width, row }) => this.source(biasName ?? `${part}.bias`, [width], row, biasInit)),
        )
      : null;
    return { weight, bias: shift };
  }

  /** A linear layer whose rows are stored head by head, each head with its `parts` (queries, keys, values) of `size` rows: held
   *  part by part. */
  interleavedLinear(
    name: string,
    { heads, parts, size }: { heads: number; parts: number; size: number },
    depth: number,
    { bias = true }: Pick<LinearOptions, 'bias'> = {},
  ): Linear {
    const total = heads * parts * size;
    // in the file's order
    const pieces = (dims: readonly number[], tensor: string, init: Init): Source[] => {
      const source = this.source(tensor, dims, 0, init);
      return Array.from({ length: heads * parts }, (_, i) => ({
        ...source,
        row: ((i % parts) * heads + Math.floor(i / parts)) * size,
        from: i * size,
        count: size,
      }));
    };
    return {
      weight: this.declare(
        [total, depth],
        'packed',
        pieces([total, depth], `${name}.weight`, this.inits.weight(depth)),
      ),
      bias: bias ? this.declare([total], 'rows', pieces([total], `${name}.bias`, this.inits.bias(depth))) : null,
    };
  }

  /** A linear layer that is a part of a larger one in the file: `count` outputs of `total`, from the output `from` on.
   *  @param names the larger one's weight [total, depth], and its bias [total] or null
   *  @param init of the larger one's weight; its bias starts as zeros */
  linearPart(
    names: { weight: string; bias: string | null },
    { total, from, count }: { total: number; from: number; count: number },
    depth: number,
    init = this.inits.weight(depth),
  ): Linear {
    const part = (name: string, dims: readonly number[], start: Init): Source[] => [
      { ...this.source(name, dims, 0, start), from, count },
    ];
    return {
      weight: this.declare([count, depth], 'packed', part(names.weight, [total, depth], init)),
      bias: names.bias === null ? null : this.declare([count], 'rows', part(names.bias, [total], ZEROS)),
    };
  }

  /** A weight of plain rows that is computed from tensors of the checkpoint, or from none.
   *  @param sources name and dims of each, and how it starts */
  computed(
    name: string,
    dims: readonly number[],
    sources: readonly (readonly [name: string, dims: readonly number[], init: Init])[],
    compute: (...tensors: Float32Array[]) => Float32Array,
  ): Weight {
    const weight: Weight = { kind: 'weight', name, dims, layout: 'rows', dtype: 'f32', address: 0 };
    const tensors = sources.map(([tensor, shape, init]) => this.source(tensor, shape, 0, init));
    this.declarations.push({ weight, sources: tensors, compute, isMatrix: false });
    return weight;
  }

  /** A table [n, d] for `gather`; `tied` when the language-model head multiplies by it too.
   *  @param padding the row of the padding token, which starts as zeros; counted from the end if negative, as nn.Embedding does */
  embedding(name: string, n: number, d: number, tied = false, padding?: number): Weight {
    const { table } = this.inits;
    const zeroRow = padding !== undefined && padding < 0 ? n + padding : padding;
    const init = table.kind === 'normal' ? { ...table, zeroRow } : table;
    return this.table(name, n, d, tied, init);
  }

  /** The same, with a start of its own. */
  table(name: string, n: number, d: number, tied: boolean, init: Init): Weight {
    return this.declare([n, d], tied ? 'packed' : 'rows', [this.source(`${name}.weight`, [n, d], 0, init)]);
  }

  vector(name: string, n: number, init = ZEROS): Weight {
    return this.declare([n], 'rows', [this.source(name, [n], 0, init)]);
  }

  /** A vector that the checkpoint stores as one row [1, n]. */
  row(name: string, n: number): Weight {
    return this.declare([n], 'rows', [this.source(name, [1, n], 0, ZEROS)]);
  }

  norm(name: string, d: number, eps: number, { bias = true } = {}): Norm {
    const weight = this.vector(`${name}.weight`, d, ONES);
    return { kind: 'layer', weight, bias: bias ? this.vector(`${name}.bias`, d) : null, eps };
  }

  rmsNorm(name: string, d: number, eps: number, init = ONES): RmsNorm {
    return { kind: 'rms', weight: this.vector(`${name}.weight`, d, init), eps };
  }

  private source(name: string, dims: readonly number[], row: number, init: Init): Source {
    return { names: this.aliases(name), dims, row, init };
  }

  private declare(dims: readonly number[], layout: Weight['layout'], sources: readonly Source[]): Weight {
    const weight: Weight = { kind: 'weight', name: sources[0].names[0], dims, layout, dtype: 'f32', address: 0 };
    // a config that asks for a billion layers ends here
    if (this.declarations.length === MOST_WEIGHTS)
      throw new WasmformerError(
        'INVALID_CONFIG',
        `config.json asks for more than ${MOST_WEIGHTS} weights: ${weight.name}`,
      );
    this.declarations.push({ weight, sources, isMatrix: dims.length === 2 });
    return weight;
  }
}

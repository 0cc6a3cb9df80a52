// The weights that a model asks for: what they are called in the checkpoint, their shapes, how they are held. Declaring
// reads nothing; the loader (runtime/load.ts) fills them in, tensor by tensor.
import type { Weight } from '../core/graph';

/** A tensor of the checkpoint that fills part of a weight. */
export interface Source {
  /** Names under which checkpoints have it, the usual one first. */
  readonly names: readonly string[];
  readonly dims: readonly number[];
  /** First row of the weight that it fills. */
  readonly row: number;
}

/** A weight and where it comes from. */
export interface Declaration {
  readonly weight: Weight;
  readonly sources: readonly Source[];
}

/** nn.Linear: x W^T + b. */
export interface Linear {
  readonly weight: Weight;
  readonly bias: Weight | null;
}

/** nn.LayerNorm's or nn.RMSNorm's scale and shift. */
export interface Norm {
  readonly weight: Weight;
  readonly bias: Weight;
  readonly eps: number;
}

export interface LinearOptions {
  bias?: boolean;
  /** Name of the bias where it is not `{name}.bias`. */
  biasName?: string;
}

/** Collects the declarations of one model. */
export class Parameters {
  readonly declarations: Declaration[] = [];

  /** @param has whether the checkpoint has a tensor, under any of its names
   *  @param aliases all names under which checkpoints have a tensor */
  constructor(
    private readonly isPresent: (name: string) => boolean,
    private readonly aliases: (name: string) => string[] = (name) => [name],
  ) {}

  /** Whether the checkpoint has a tensor. */
  has(name: string): boolean {
    return this.aliases(name).some(this.isPresent);
  }

  /** A linear layer `{name}.weight` [out, in] and `{name}.bias` [out]. Several names make one layer whose outputs lie side
   *  by side, so that one product serves them all. */
  linear(name: string | readonly string[], out: number, depth: number, options: LinearOptions = {}): Linear {
    const names = typeof name === 'string' ? [name] : name;
    const weight = this.declare(
      [out * names.length, depth],
      'packed',
      names.map((n, i) => this.source(`${n}.weight`, [out, depth], i * out)),
    );
    const bias =
      options.bias === false
        ? null
        : this.declare(
            [out * names.length],
            'rows',
            names.map((n, i) => this.source(options.biasName ?? `${n}.bias`, [out], i * out)),
          );
    return { weight, bias };
  }

  /** A table [n, d] for `gather`; `tied` when the language-model head multiplies by it too. */
  embedding(name: string, n: number, d: number, tied = false): Weight {
    return this.declare([n, d], tied ? 'packed' : 'rows', [this.source(`${name}.weight`, [n, d], 0)]);
  }

  vector(name: string, n: number): Weight {
    return this.declare([n], 'rows', [this.source(name, [n], 0)]);
  }

  norm(name: string, d: number, eps: number): Norm {
    return { weight: this.vector(`${name}.weight`, d), bias: this.vector(`${name}.bias`, d), eps };
  }

  private source(name: string, dims: readonly number[], row: number): Source {
    return { names: this.aliases(name), dims, row };
  }

  private declare(dims: readonly number[], layout: Weight['layout'], sources: readonly Source[]): Weight {
    const weight: Weight = { kind: 'weight', name: sources[0].names[0], dims, layout, address: 0 };
    this.declarations.push({ weight, sources });
    return weight;
  }
}

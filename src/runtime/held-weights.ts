// The weights of a loaded model: what they take, what they were made of, and how they are given back.
import type { Core } from '../core/core';
import type { Weight, WeightType } from '../core/graph';
import type { Declaration, Source } from '../nn/parameters';

/** Where a source's tensor was found, and what holds its elements: a weight, or a copy if the weight is computed from it. */
export interface Part {
  readonly tensor: string;
  readonly stored: WeightType;
  readonly source: Source;
  readonly weight: Weight;
}

export class HeldWeights {
  /** @param parts of all declarations
   *  @param typeOf what a part's elements are written as; a tensor with parts of several types is written as f32 */
  constructor(
    private readonly declarations: readonly Declaration[],
    private readonly copies: readonly Weight[],
    readonly core: Core,
    /** Bytes in wasm memory. */
    readonly bytes: number,
    readonly parts: readonly Part[],
    readonly typeOf: (part: Part) => WeightType,
  ) {}

  free(): void {
    for (const weight of [...this.declarations.map(({ weight }) => weight), ...this.copies]) {
      if (weight.address) this.core.memory.free(weight.address);
      weight.address = 0;
    }
  }
}

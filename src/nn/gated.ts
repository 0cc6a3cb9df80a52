// Gated feed-forward (Shazeer 2020).
import type { Value } from '../core/graph';
import type { Activation } from '../ops/activation';
import { binary } from '../ops/binary';
import { linear } from './layers';
import type { Linear } from './parameters';

/** act(gate(x)) * up(x), for a block's feed-forward. */
export function gatedBy(gate: Linear) {
  return (x: Value, { up, activation }: { readonly up: Linear; readonly activation: Activation }): Value =>
    binary(linear(x, gate, { activation }), linear(x, up), 'mul');
}

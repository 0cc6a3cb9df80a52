// Shape errors: they name the op, the shapes and the rule.
import { WasmformerError } from '../errors';
import { showDims, type Dim } from '../core/graph';

/** Throws INVALID_SHAPE unless the rule holds. */
export function check(holds: boolean, op: string, rule: string, ...shapes: (readonly Dim[])[]): void {
  if (!holds) throw new WasmformerError('INVALID_SHAPE', `${op}: ${rule}; got ${shapes.map(showDims).join(' and ')}`);
}

// What comes out: a plain array with dims. Its memory is ordinary and belongs to the caller; nothing to dispose.
import { WasmformerError } from '../errors';

export type TensorData = Float32Array | Int32Array | Uint8Array | Int8Array | BigInt64Array | Float64Array;
export type TensorType = 'float32' | 'int32' | 'uint8' | 'int8' | 'int64' | 'float64';

function typeOf(data: TensorData): TensorType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof BigInt64Array) return 'int64';
  if (data instanceof Float64Array) return 'float64';
  throw new WasmformerError(
    'INVALID_ARGUMENT',
    'tensor data must be a Float32Array, Float64Array, Int32Array, Int8Array, Uint8Array or BigInt64Array',
  );
}

/** Numbers nested as deep as a tensor has dims. */
export type NestedArray = number | bigint | NestedArray[];

/** A dense row-major tensor. */
export class Tensor<T extends TensorData = TensorData> {
  readonly type: TensorType;
  readonly dims: readonly number[];

  /** @param data the elements, row by row; used as they are, not copied
   *  @param dims sizes, outermost first; [] is a scalar
   *  @throws INVALID_SHAPE unless the dims' product is the number of elements */
  constructor(
    readonly data: T,
    dims: readonly number[],
  ) {
    this.type = typeOf(data);
    this.dims = [...dims];
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (!dims.every((dim) => Number.isInteger(dim) && dim >= 0) || size !== data.length) {
      throw new WasmformerError(
        'INVALID_SHAPE',
        `a tensor of dims [${dims.join(', ')}] cannot hold ${data.length} elements`,
      );
    }
  }

  /** The elements as nested arrays. */
  toArray(): NestedArray {
    let at = 0;
    const build = (depth: number): NestedArray => {
      if (depth === this.dims.length) return this.data[at++];
      return Array.from({ length: this.dims[depth] }, () => build(depth + 1));
    };
    return build(0);
  }
}

// What the kernels accept: tensors, axes, numbers. Every error names the kernel, the operand and the rule.
import { showDims } from '../core/graph';
import { WasmformerError } from '../errors';
import { Tensor, type TensorData } from './tensor';

/** The number of elements. */
export function sizeOfDims(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Throws INVALID_ARGUMENT. */
export function invalid(op: string, message: string): never {
  throw new WasmformerError('INVALID_ARGUMENT', `${op}: ${message}`);
}

function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : `a ${(value as object).constructor?.name ?? 'plain object'}`;
}

function tensor(op: string, name: string, value: unknown): Tensor {
  if (!(value instanceof Tensor))
    return invalid(op, `${name} must be a Tensor, not ${describe(value)}: new Tensor(data, dims)`);
  // the buffer may have been transferred or resized since
  if (value.data.length !== sizeOfDims(value.dims)) {
    return invalid(
      op,
      `${name} ${showDims(value.dims)} has ${value.data.length} elements left: its buffer was transferred or resized`,
    );
  }
  return value;
}

/** A float32 tensor. */
export function floats(op: string, name: string, value: unknown): Tensor<Float32Array> {
  const checked = tensor(op, name, value);
  if (!(checked.data instanceof Float32Array)) return invalid(op, `${name} must be float32, not ${checked.type}`);
  return checked as Tensor<Float32Array>;
}

/** A float32 tensor [d] or nothing. */
export function vector(op: string, name: string, value: unknown, d: number): Tensor<Float32Array> | null {
  if (value === undefined || value === null) return null;
  const checked = floats(op, name, value);
  if (checked.dims.length !== 1 || checked.dims[0] !== d) shapeError(op, `${name} must be [${d}]`, checked.dims);
  return checked;
}

/** A tensor that may hold integers or float32. */
export function anyTensor(op: string, name: string, value: unknown): Tensor {
  return tensor(op, name, value);
}

export function isInteger(data: TensorData): data is Exclude<TensorData, Float32Array | Float64Array> {
  return !(data instanceof Float32Array || data instanceof Float64Array);
}

/** An integer tensor whose elements lie in [0, limit), as i32. */
export function ids(
  op: string,
  name: string,
  value: unknown,
  limit: number,
): { data: Int32Array; dims: readonly number[] } {
  const { data, dims, type } = tensor(op, name, value);
  if (!isInteger(data)) return invalid(op, `${name} must hold integers (int32, int64, uint8 or int8), not ${type}`);
  const checked = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const id = data[i];
    if (id < 0 || id >= limit) invalid(op, `${name} must lie from 0 to ${limit - 1}; element ${i} is ${id}`);
    checked[i] = Number(id);
  }
  return { data: checked, dims };
}

/** Throws INVALID_SHAPE: op, rule and shapes. */
export function shapeError(op: string, rule: string, ...shapes: (readonly number[])[]): never {
  throw new WasmformerError('INVALID_SHAPE', `${op}: ${rule}; got ${shapes.map(showDims).join(' and ')}`);
}

/** An axis counted from the front. Negative ones count from the end. */
export function axisOf(op: string, axis: unknown, dims: readonly number[]): number {
  const rank = dims.length;
  if (!Number.isInteger(axis)) return invalid(op, `axis must be a whole number, not ${describe(axis)}`);
  const index = axis as number;
  if (index < -rank || index >= rank) shapeError(op, `axis ${index} does not exist`, dims);
  return index < 0 ? index + rank : index;
}

/** Several axes, ascending and different; all of them if undefined. */
export function axesOf(op: string, axis: unknown, dims: readonly number[]): number[] {
  if (axis === undefined || axis === null) return dims.map((_, i) => i);
  const axes = (Array.isArray(axis) ? (axis as unknown[]) : [axis]).map((one) => axisOf(op, one, dims));
  if (new Set(axes).size !== axes.length) invalid(op, `axis [${axes.join(', ')}] names a dim twice`);
  return axes.sort((a, b) => a - b);
}

/** A finite number not below `least`. */
export function numberOf(op: string, name: string, value: unknown, least = -Infinity): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < least) {
    return invalid(op, `${name} must be a finite number${least === 0 ? ', not negative' : ''}, not ${describe(value)}`);
  }
  return value;
}

/** One of a few names. */
export function oneOf<T extends string>(op: string, name: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  return (
    found ??
    invalid(op, `${name} must be one of ${choices.map((choice) => `'${choice}'`).join(', ')}, not ${describe(value)}`)
  );
}

/** A boolean. */
export function flag(op: string, name: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : invalid(op, `${name} must be true or false, not ${describe(value)}`);
}

// The ids of one hypothesis, prompt first: a growing Int32Array, so that a step allocates nothing.

/** Ids so far. `ids` has spare room: only the first `length` entries count, and the array may be replaced as it grows. */
export class Tokens {
  ids: Int32Array;
  length: number;

  constructor(prompt: ArrayLike<number>, capacity = 0) {
    this.ids = new Int32Array(Math.max(capacity, prompt.length, 16));
    this.ids.set(prompt);
    this.length = prompt.length;
  }

  push(id: number): void {
    this.reserve(this.length + 1);
    this.ids[this.length++] = id;
  }

  /** Forgets what follows the first `length` ids. */
  truncate(length: number): void {
    this.length = Math.min(this.length, length);
  }

  /** Becomes a copy of another. */
  assign(other: Tokens): void {
    this.length = 0;
    this.reserve(other.length);
    this.ids.set(other.ids.subarray(0, other.length));
    this.length = other.length;
  }

  /** A copy of the ids from an index on. */
  slice(from = 0): Int32Array {
    return this.ids.slice(from, this.length);
  }

  private reserve(length: number): void {
    if (length <= this.ids.length) return;
    const grown = new Int32Array(Math.max(length, 2 * this.ids.length));
    grown.set(this.ids.subarray(0, this.length));
    this.ids = grown;
  }
}

// Typed arrays that grow: half the room of an array of numbers, and nothing for the collector to look at.

/** The array, if it has room for `needed` numbers; else a copy with room for twice as many. */
export function grown(array: Int32Array, needed: number): Int32Array {
  if (needed <= array.length) return array;
  const larger = new Int32Array(2 * needed);
  larger.set(array);
  return larger;
}

// Misspelt names of options: an error that says which one was meant. In a file of its own, since it is seldom needed.
import { WasmformerError } from './errors';

const MOST_LISTED = 16;

const show = (value: unknown): string => JSON.stringify(value) ?? String(value);

const list = (known: readonly string[]): string =>
  known.length > MOST_LISTED ? '' : `; there ${known.length > 1 ? 'are' : 'is'} ${known.join(', ')}`;

/** INVALID_ARGUMENT where options are no object, or one of their names is not known; undefined where all is well. */
export function misspelt(options: unknown, known: readonly string[]): WasmformerError | undefined {
  const wrong = (message: string): WasmformerError => new WasmformerError('INVALID_ARGUMENT', message);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return wrong(`the options are ${show(options)}, not an object`);
  }
  const name = Object.keys(options).find((one) => !known.includes(one));
  if (name === undefined) return undefined;
  const near = nearest(name, known);
  return wrong(`there is no option ${show(name)}${near === undefined ? list(known) : `; did you mean ${near}?`}`);
}

/** The known name that a misspelt one means, if any is near. Case and underscores do not count. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.replaceAll('_', '').toLowerCase();
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(plain(name).slice(0, 64), plain(candidate));
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}

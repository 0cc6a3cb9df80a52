// What is known of an entry in a page's storage.
import type { FileFacts } from '../io/cache/store';

/** Header of an entry that holds what is known of its file. */
export const FACTS = 'x-wasmformer';

/** Entry that tells how far a download came. */
export const partUrl = (url: string): string => `${url}?part`;

/** A download that has not ended. */
export interface Part extends FileFacts {
  readonly url: string;
  readonly pieces: number;
}

/** What is known of an entry's file. */
export function factsOf<T>(response: Response | undefined): T | undefined {
  const facts = response?.headers.get(FACTS);
  return facts ? (JSON.parse(decodeURIComponent(facts)) as T) : undefined;
}

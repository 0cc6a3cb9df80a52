// An edge function keeps nothing: weights come from an asset binding or are fetched anew.
import { WasmformerError } from '../errors';
import type { Hasher, Store } from '../io/cache/store';

export async function openStore(): Promise<Store | undefined> {
  return undefined;
}

export async function createHasher(): Promise<Hasher> {
  throw new WasmformerError('UNSUPPORTED_PLATFORM', 'there is no storage for downloads here');
}

/** What only a fetch of Node's needs. */
export const readAhead = (response: Response): Response => response;

export function hubSettings(): { token?: string; localFilesOnly: boolean } {
  return { localFilesOnly: false };
}

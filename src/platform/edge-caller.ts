// There is no other thread in an edge function.
import { WasmformerError } from '../errors';
import type { EngineWorker } from './node';

export function startEngine(): Promise<EngineWorker> {
  throw new WasmformerError('UNSUPPORTED_PLATFORM', 'there are no workers here');
}

// Engines for models that were not given one: models with equal options share, and the last one to go ends it.
import { Engine, type EngineOptions } from '../runtime/host';

interface Share {
  readonly key: string;
  readonly module: WebAssembly.Module | undefined;
  readonly engine: Engine;
  users: number;
}

const shares: Share[] = [];

/** The engine for these options, started by its first call. Throws INVALID_ARGUMENT. */
export function acquireDefaultEngine({
  threads = 'auto',
  module,
  worker,
  relaxedSimd = true,
  revectorize = false,
}: EngineOptions): Engine {
  const key = JSON.stringify([threads, worker, relaxedSimd, revectorize]);
  let share = shares.find((known) => known.key === key && known.module === module);
  if (!share) {
    share = { key, module, engine: new Engine({ threads, worker, relaxedSimd, revectorize, module }), users: 0 };
    shares.push(share);
  }
  share.users++;
  return share.engine;
}

/** Gives a share back. */
export async function releaseDefaultEngine(engine: Engine): Promise<void> {
  const at = shares.findIndex((share) => share.engine === engine);
  if (at < 0 || --shares[at].users > 0) return;
  shares.splice(at, 1);
  await engine.dispose();
}

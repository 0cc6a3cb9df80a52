// An engine in the caller's own thread.
import type { CoreOptions } from '../core/core';
import { EngineCore } from './engine-core';
import type { Host } from './host';

export async function startInlineHost(options: CoreOptions): Promise<Host> {
  const engine = await EngineCore.create(options);
  return {
    facts: async () => engine.facts(),
    loadEncoder: (call, config, reader, onProgress) => engine.loadEncoder(call, config, reader, onProgress),
    runEncoder: (call, id, request, onProgress) =>
      engine.runEncoder(
        call,
        id,
        request,
        onProgress && ((sequences) => onProgress(sequences, request.batch.lengths.length)),
      ),
    explain: (call, id, request) => engine.explain(call, id, request),
    profile: (call, id, request) => engine.profile(call, id, request),
    cancel: (call) => engine.cancel(call),
    unload: (call, id) => engine.unload(call, id),
    dispose: async () => engine.dispose(),
    hold: () => {},
  };
}

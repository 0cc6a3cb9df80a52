// An engine in the caller's own thread.
import type { CoreOptions } from '../core/core';
import { EngineCore } from './engine-core';
import type { Host } from './host';

export async function startInlineHost(options: CoreOptions): Promise<Host> {
  const engine = await EngineCore.create(options);
  return {
    facts: async () => engine.facts(),
    get lastFacts() {
      return engine.facts();
    },
    load: (...args) => engine.load(...args),
    invoke: (call, id, method, request, onEvent = () => {}) => engine.invoke(call, id, method, request, onEvent),
    cancel: (call) => engine.cancel(call),
    unload: (call, id) => engine.unload(call, id),
    dispose: async () => engine.dispose(),
    hold: () => {},
  };
}

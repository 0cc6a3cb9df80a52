// Node's message ports as Comlink takes them, without their events: the first MessageEvent that a thread makes loads Node's whole HTTP
// client (Node 22 and later), 30 to 40 ms in the caller's thread and as many in the worker.
import type { MessagePort as NodePort } from 'node:worker_threads';
import type { Endpoint, TransferHandler } from 'comlink';

type Listener = Parameters<Endpoint['addEventListener']>[1];

/** What Comlink exports, as far as ports need it. */
export interface Wiring {
  readonly transferHandlers: Map<string, TransferHandler<unknown, unknown>>;
  expose(target: unknown, endpoint: Endpoint): void;
  wrap(endpoint: Endpoint): unknown;
}

/** Named as what it stands for: Comlink closes an endpoint by its class's name. */
class MessagePort implements Endpoint {
  private readonly heard = new Map<Listener, (data: unknown) => void>();

  constructor(private readonly port: NodePort) {}

  postMessage(message: unknown, transfer: readonly unknown[] = []): void {
    this.port.postMessage(message, transfer as Parameters<NodePort['postMessage']>[1]);
  }

  addEventListener(_type: string, listener: Listener): void {
    const hear = (data: unknown): void => {
      const event = { data } as MessageEvent;
      if (typeof listener === 'function') listener(event);
      else listener.handleEvent(event);
    };
    this.heard.set(listener, hear);
    this.port.on('message', hear);
  }

  removeEventListener(_type: string, listener: Listener): void {
    const hear = this.heard.get(listener);
    if (hear) this.port.off('message', hear);
    this.heard.delete(listener);
  }

  start(): void {
    this.port.start();
  }

  close(): void {
    this.port.close();
  }
}

export function endpointOf(port: NodePort): Endpoint {
  return new MessagePort(port);
}

/** Has Comlink pass functions through such ports, too. */
export function wirePorts({ transferHandlers, expose, wrap }: Wiring): void {
  const proxies = transferHandlers.get('proxy')!;
  transferHandlers.set('proxy', {
    canHandle: proxies.canHandle,
    serialize(target) {
      const { port1, port2 } = new MessageChannel() as unknown as { port1: NodePort; port2: NodePort };
      expose(target, endpointOf(port1));
      return [port2, [port2 as unknown as Transferable]];
    },
    deserialize: (port) => wrap(endpointOf(port as NodePort)),
  });
}

// Long work in a thread that others need: the event loop gets a turn now and then.
import { yieldToEventLoop } from '#platform';
import { throwIfAborted } from '../errors';

const TURN_MS = 8;

export class Turns {
  // not performance.now(), for which Node loads eleven modules of its own when it is first asked: 2 ms
  private last = Date.now();

  /** Whether the event loop has waited long enough. */
  get isDue(): boolean {
    return Math.abs(Date.now() - this.last) >= TURN_MS;
  }

  async take(): Promise<void> {
    await yieldToEventLoop();
    this.last = Date.now();
  }

  /** A turn if it is due. Throws ABORTED if the signal fired meanwhile. */
  give(signal?: AbortSignal): Promise<void> | undefined {
    return this.isDue ? this.take().then(() => throwIfAborted(signal)) : undefined;
  }
}

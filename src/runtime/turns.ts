// Long work in a thread that others need: the event loop gets a turn now and then.
import { yieldToEventLoop } from '#platform';

const TURN_MS = 8;

export class Turns {
  private last = performance.now();

  /** Whether the event loop has waited long enough. */
  get isDue(): boolean {
    return performance.now() - this.last >= TURN_MS;
  }

  async take(): Promise<void> {
    await yieldToEventLoop();
    this.last = performance.now();
  }
}

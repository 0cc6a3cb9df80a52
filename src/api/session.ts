// A conversation with a decoder: what was said stays in the engine's cache.
import { WasmformerError } from '../errors';
import type { GenerationResult } from '../runtime/generation-job';
import type { GenerateOptions } from './decoder';
import { GenerationStream, type GeneratedResult, type StreamSource } from './generation';
import type { Prompt, Prompts } from './prompts';

/** What a session needs of its model. */
export interface SessionPort {
  open(from: number | null): Promise<number>;
  truncate(id: number, length: number): Promise<void>;
  close(id: number): Promise<void>;
  /** Changes when the engine was replaced. */
  generation(): number;
  source(prompts: Prompts, options: GenerateOptions, session: SessionUse): Promise<StreamSource>;
}

/** One call's use of a session. */
export interface SessionUse {
  /** What was said before. */
  readonly ids: readonly number[];
  /** The session's number in the engine, and the ids that it must be told before the prompt. */
  begin(): Promise<{ id: number; missing: readonly number[] }>;
  advance(prompt: Int32Array, result: GenerationResult): void;
}

/** A session in the engine. */
interface Place {
  readonly id: Promise<number>;
  /** Of the engine: another one has never heard of it. */
  readonly generation: number;
  /** How many of the tokens it has. */
  told: number;
}

/** Tokens that the model has seen, with their keys and values. If the engine's worker died, the next call tells the new one all of
 *  them. `await using` disposes it. */
export class Session {
  private readonly tokens: number[];
  private opened: Place | null = null;
  private isBusy = false;
  private isDisposed = false;

  /** @internal use createSession */
  constructor(
    private readonly port: SessionPort,
    from: { place: Place | null; tokens: readonly number[] } | null,
  ) {
    this.tokens = [...(from?.tokens ?? [])];
    if (from?.place) this.open(from.place);
  }

  /** Tokens so far: prompts and answers. */
  get length(): number {
    return this.tokens.length;
  }

  /** Their ids. */
  get ids(): number[] {
    return [...this.tokens];
  }

  /** Continues the conversation: the prompt comes behind what was said. With beams or several sequences the first one counts. If the
   *  call fails, or is aborted while it waits for others, the session is as it was; if it is aborted later, the session has the
   *  prompt and what was generated. One call at a time.
   *  @param prompt a text, tokenised as one of its own (with special tokens unless `addSpecialTokens` is false), or ids; none ([])
   *  goes on from what was said
   *  @throws (from the stream) as Decoder.generate; INVALID_ARGUMENT if another call has the session */
  generate(prompt: Prompt, options: GenerateOptions = {}): GenerationStream<GeneratedResult> {
    return new GenerationStream(this.source(prompt, options));
  }

  /** Another session with the same beginning, which both share in memory. Throws INVALID_ARGUMENT while a call runs, DISPOSED. */
  fork(): Session {
    this.checkFree('fork');
    return new Session(this.port, { place: this.place, tokens: this.tokens });
  }

  /** Forgets all but the first `length` tokens, and gives back the memory of the pages that no other session shares. Rejects with
   *  INVALID_ARGUMENT (also while a call runs), DISPOSED. */
  async truncate(length: number): Promise<void> {
    this.checkFree('truncate');
    if (!Number.isInteger(length) || length < 0 || length > this.tokens.length) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `truncate needs a whole number from 0 to the session's ${this.tokens.length} tokens, not ${String(length)}`,
      );
    }
    this.isBusy = true;
    try {
      const { place } = this;
      if (place && length < place.told) {
        await this.port.truncate(await place.id, length);
        place.told = length;
      }
      this.tokens.length = length;
    } finally {
      this.isBusy = false;
    }
  }

  /** Gives the memory back, after a call that is running. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    await this.place?.id.then((id) => this.port.close(id)).catch(ignoreLost);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private async source(prompt: Prompt, options: GenerateOptions): Promise<StreamSource> {
    this.checkFree('generate');
    this.isBusy = true;
    try {
      const source = await this.port.source(prompt, options, {
        ids: this.ids,
        begin: async () => {
          const place = this.place ?? this.open(null);
          return { id: await place.id, missing: this.tokens.slice(place.told) };
        },
        advance: (ids, { sequences: [first] }) => {
          for (const id of ids) this.tokens.push(id);
          for (const id of first?.ids ?? []) this.tokens.push(id);
          if (this.place) this.place.told = this.tokens.length;
        },
      });
      const run: StreamSource['run'] = async (...args) => {
        try {
          return await source.run(...args);
        } finally {
          this.isBusy = false;
        }
      };
      return { ...source, run };
    } catch (error) {
      this.isBusy = false;
      throw error;
    }
  }

  /** The session in the engine, if it is still there. */
  private get place(): Place | null {
    return this.opened?.generation === this.port.generation() ? this.opened : null;
  }

  /** Opens the session in the engine: empty, or as another one is. */
  private open(from: Place | null): Place {
    const id = from ? from.id.then((other) => this.port.open(other)) : this.port.open(null);
    const place = { id, generation: this.port.generation(), told: from?.told ?? 0 };
    this.opened = place;
    // who needs the number gets the error; the next call tries again
    id.catch(() => {
      if (this.opened === place) this.opened = null;
    });
    return place;
  }

  private checkFree(what: string): void {
    if (this.isDisposed) throw new WasmformerError('DISPOSED', 'this session was disposed; create a new one');
    if (this.isBusy) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `${what}: another call has this session; wait for its result(), abort it, or fork the session beforehand`,
      );
    }
  }
}

/** An engine that ended took the session with it. */
function ignoreLost(error: unknown): void {
  if (!(error instanceof WasmformerError && (error.code === 'DISPOSED' || error.code === 'WORKER_FAILED'))) throw error;
}

// A conversation with a decoder: what was said stays in the engine's cache.
import { WasmformerError } from '../errors';
import type { GenerationResult } from '../runtime/generation';
import type { GenerateOptions } from './decoder';
import { GenerationStream, type GeneratedResult, type StreamSource } from './generation';
import type { Prompt, Prompts } from './prompts';

/** What a session needs of its model. */
export interface SessionPort {
  open(from: number | null): Promise<number>;
  truncate(id: number, length: number): Promise<Int32Array>;
  close(id: number): Promise<void>;
  /** Changes when the engine was replaced. */
  generation(): number;
  source(prompts: Prompts, options: GenerateOptions, session: SessionUse): Promise<StreamSource>;
}

/** One call's use of a session. */
export interface SessionUse {
  /** The session's number in the engine, and the ids that it must be told before the prompt. Throws if another call has it. */
  begin(): Promise<{ id: number; missing: readonly number[] }>;
  advance(prompt: Int32Array, result: GenerationResult): void;
  end(): void;
}

/** Tokens that the model has seen, with their keys and values. `await using` disposes it. */
export class Session {
  private readonly tokens: number[];
  private opened: Promise<number> | null = null;
  private generation = -1;
  private isBusy = false;
  private isDisposed = false;

  /** @internal use createSession */
  constructor(
    private readonly port: SessionPort,
    from: { id: Promise<number> | null; tokens: readonly number[] } | null,
  ) {
    this.tokens = [...(from?.tokens ?? [])];
    if (from?.id) this.adopt(from.id.then((id) => port.open(id)));
  }

  /** Tokens so far: prompts and answers. */
  get length(): number {
    return this.tokens.length;
  }

  /** Their ids. */
  get ids(): number[] {
    return [...this.tokens];
  }

  /** Continues the conversation: the prompt comes behind what was said. If it fails, the session is as it was; if it is aborted, it
   *  has what was generated. One call at a time.
   *  @throws (from the stream) as Decoder.generate */
  generate(prompt: Prompt, options: GenerateOptions = {}): GenerationStream<GeneratedResult> {
    return new GenerationStream(this.source(prompt, options));
  }

  /** Another session with the same beginning, which both share in memory. */
  fork(): Session {
    this.checkFree('fork');
    return new Session(this.port, { id: this.opened, tokens: this.tokens });
  }

  /** Forgets all but the first `length` tokens. Throws INVALID_ARGUMENT. */
  async truncate(length: number): Promise<void> {
    this.checkFree('truncate');
    if (!Number.isInteger(length) || length < 0 || length > this.tokens.length) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `truncate needs a whole number from 0 to the session's ${this.tokens.length} tokens, not ${String(length)}`,
      );
    }
    if (this.opened && this.generation === this.port.generation()) await this.port.truncate(await this.opened, length);
    this.tokens.length = length;
  }

  /** Gives the memory back. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    const { opened, generation } = this;
    if (opened && generation === this.port.generation()) await this.port.close(await opened).catch(ignoreLost);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private async source(prompt: Prompt, options: GenerateOptions): Promise<StreamSource> {
    this.checkFree('generate');
    let isMine = false;
    return this.port.source(prompt, options, {
      begin: async () => {
        this.checkFree('generate');
        this.isBusy = isMine = true;
        const isKnown = this.opened !== null && this.generation === this.port.generation();
        return { id: await this.open(), missing: isKnown ? [] : this.tokens };
      },
      advance: (ids, { sequences: [{ ids: fresh }] }) => {
        for (const id of ids) this.tokens.push(id);
        for (const id of fresh) this.tokens.push(id);
      },
      end: () => {
        if (isMine) this.isBusy = false;
      },
    });
  }

  /** The session in the engine; a new, empty one if the engine was replaced. */
  private open(): Promise<number> {
    if (!this.opened || this.generation !== this.port.generation()) this.adopt(this.port.open(null));
    return this.opened!;
  }

  private adopt(opened: Promise<number>): void {
    this.generation = this.port.generation();
    this.opened = opened;
    opened.catch(() => (this.opened = null));
  }

  private checkFree(what: string): void {
    if (this.isDisposed) throw new WasmformerError('DISPOSED', 'this session was disposed; create a new one');
    if (this.isBusy) {
      throw new WasmformerError(
        'INVALID_ARGUMENT',
        `${what}: this session is generating; wait for its result(), abort it, or fork the session beforehand`,
      );
    }
  }
}

/** An engine that ended took the session with it. */
function ignoreLost(error: unknown): void {
  if (!(error instanceof WasmformerError && (error.code === 'DISPOSED' || error.code === 'WORKER_FAILED'))) throw error;
}

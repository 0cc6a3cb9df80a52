// What generate() gives: pieces of text as they come, and the result at the end. One for decoders, sessions and encoder-decoders.
import { shareSignal } from '#platform';
import { abortError, WasmformerError } from '../errors';
import { StopMatcher, type Alternative, type FinishReason, type GenerationSettings } from '../generate';
import type { DecodeStream, Tokenizer } from '../io/tokenizer';
import type { CandidatesEvent, GenerationResult, ScoresEvent, Stop, TokensEvent } from '../runtime/generation-job';

/** A new token, and the text that is certain with it: whole characters, sometimes none. */
export interface GenerationPiece {
  /** Joined, the pieces of a sequence are its text. */
  readonly text: string;
  /** The token; null for text that was held back until the end. */
  readonly id: number | null;
  /** Which prompt. */
  readonly index: number;
  /** Which of the prompt's sequences (numReturnSequences). */
  readonly sequence: number;
  /** With `logprobs`: the token's log-probability, and the likeliest tokens with theirs. */
  readonly logprob?: number;
  readonly topLogprobs?: readonly Alternative[];
}

/** One generated sequence. */
export interface GeneratedText {
  /** Without special tokens; empty if there is no tokenizer. A decoder's text continues the prompt's: a space between them belongs to
   *  it. A stop string and what follows it are cut off. */
  readonly text: string;
  /** The new tokens: a generated end of sequence included, and with a stop string all up to the one that completed it. */
  readonly ids: number[];
  /** 'eos': an end of sequence; 'length': the limit, or the end of the context; 'stop': a stop string; 'abort': the signal. */
  readonly finishReason: FinishReason;
  /** Of beams: the sum of log-probabilities over length^lengthPenalty. */
  readonly score?: number;
  /** With `logprobs`: of every token. */
  readonly logprobs?: number[];
}

/** What became of a prompt: its best sequence, and all of them. */
export interface GeneratedResult extends GeneratedText {
  readonly sequences: GeneratedText[];
  /** Times that the model ran for the whole call: fewer than tokens where guesses were right. */
  readonly steps: number;
}

/** Changes the scores [vocabulary] of the next token in place: logits, or log-probabilities with beams, after the options' own
 *  penalties and before temperature, top-k and the like. `ids`: the prompt and what was generated, `index`: which prompt, `step`: how
 *  many tokens were generated. Synchronous, in the caller's thread. */
export type LogitsProcessor = (logits: Float32Array, context: { ids: Int32Array; index: number; step: number }) => void;

/** How a stream reaches the engine and the tokenizer. */
export interface StreamSource {
  readonly settings: GenerationSettings;
  readonly prompts: number;
  /** Whether the prompts came as an array. */
  readonly isBatch: boolean;
  readonly processors: readonly LogitsProcessor[];
  readonly signal?: AbortSignal;
  readonly tokenizer: Tokenizer | null;
  /** Ids whose text the new text continues, its leading space included; none where it stands alone. */
  context(prompt: number): ArrayLike<number>;
  /** Runs the call; an abort of `signal` is to end it with what there is. */
  run(signal: AbortSignal, onEvent: (event: unknown) => unknown): Promise<GenerationResult>;
}

/** Ids of the prompt's end that say how the text goes on. */
const CONTEXT = 8;

interface Text {
  /** Null if there is no tokenizer. */
  readonly stream: DecodeStream | null;
  readonly stops: StopMatcher;
  readonly ids: number[];
  text: string;
}

/** The text of a call as it is generated. Iterate it for pieces, or await `result()`, or both. R: one result, or one for each prompt. */
export class GenerationStream<R = GeneratedResult | GeneratedResult[]> implements AsyncIterable<GenerationPiece> {
  private readonly pieces: GenerationPiece[] = [];
  private readonly texts = new Map<string, Text>();
  private readonly controller = new AbortController();
  private readonly finished: Promise<R>;
  private readonly waiting: (() => void)[] = [];
  private isOver = false;
  /** What a logits processor threw, which loses its class on the way through the engine. */
  private thrown: { error: unknown } | null = null;

  /** @internal use generate() */
  constructor(private readonly source: Promise<StreamSource>) {
    this.finished = this.start();
    // a failure is seen by who asks; until then it is not unhandled
    this.finished.catch(() => {});
  }

  /** The result, when all is generated. An abort on the way is no failure: `finishReason` is 'abort', and the text is what there was.
   *  @throws what generate's options, the prompt or the engine did wrong; ABORTED if the signal had fired before the call */
  result(): Promise<R> {
    return this.finished;
  }

  /** Pieces as they come, from the first one every time. With beams nothing is certain before the end: one piece for each sequence
   *  then. Leaving the loop aborts, and waits until the engine is free again. */
  async *[Symbol.asyncIterator](): AsyncGenerator<GenerationPiece, void, void> {
    try {
      for (let at = 0; ;) {
        if (at < this.pieces.length) yield this.pieces[at++];
        else if (this.isOver) break;
        else await new Promise<void>((resolve) => this.waiting.push(resolve));
      }
      await this.finished;
    } finally {
      if (!this.isOver) {
        this.controller.abort();
        await this.finished.catch(() => {});
      }
    }
  }

  private async start(): Promise<R> {
    try {
      const source = await this.source;
      const { signal, settings, tokenizer } = source;
      if (settings.stopStrings.length > 0 && !tokenizer)
        throw new WasmformerError(
          'NO_TOKENIZER',
          'stopStrings are matched against text, but the checkpoint has no tokenizer.json: add it, or pass eosTokenId',
        );
      const abort = (): void => this.controller.abort(signal!.reason);
      if (signal?.aborted) abort();
      if (signal) shareSignal(signal);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        return this.finish(source, await this.run(source));
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    } finally {
      this.isOver = true;
      this.wake();
    }
  }

  private async run(source: StreamSource): Promise<GenerationResult> {
    const { signal } = this.controller;
    try {
      return await source.run(signal, (event) => this.hear(source, event));
    } catch (error) {
      if (this.thrown) throw this.thrown.error;
      // it had not begun
      if (signal.aborted && error instanceof WasmformerError && error.code === 'ABORTED')
        return { sequences: [], steps: 0 };
      throw error;
    }
  }

  private hear(source: StreamSource, event: unknown): unknown {
    const known = event as TokensEvent | ScoresEvent | CandidatesEvent;
    if (known.type === 'tokens') return this.take(source, known);
    if (known.type === 'candidates') return findStops(source, known);
    try {
      changeScores(source, known);
    } catch (error) {
      this.thrown ??= { error };
      throw error;
    }
    // the answer may overtake the abort itself, by many tokens where they are quick
    if (this.controller.signal.aborted) throw abortError();
    return known.scores;
  }

  /** Takes new tokens; gives the sequences that have come to a stop string. */
  private take(source: StreamSource, { tokens }: TokensEvent): Stop[] {
    const stops: Stop[] = [];
    for (const { prompt, sequence, id, logprob, alternatives } of tokens) {
      const text = this.textOf(source, prompt, sequence);
      if (text.stops.found !== null) continue;
      text.ids.push(id);
      const piece = text.stops.push(text.stream?.push(id) ?? '');
      if (text.stops.found !== null) stops.push({ prompt, sequence, length: text.ids.length });
      text.text += piece;
      const told = logprob === undefined ? {} : { logprob, topLogprobs: alternatives };
      this.emit({ text: piece, id, index: prompt, sequence, ...told });
    }
    return stops;
  }

  private finish(source: StreamSource, { sequences, steps }: GenerationResult): R {
    const byPrompt: GeneratedText[][] = Array.from({ length: source.prompts }, () => []);
    for (const { prompt, sequence, ids, finishReason, score, logprobs } of sequences) {
      const text = this.textOf(source, prompt, sequence);
      const told = text.text.length;
      // beams are told only now
      for (const id of ids.subarray(text.ids.length)) {
        if (text.stops.found !== null) break;
        text.ids.push(id);
        text.text += text.stops.push(text.stream?.push(id) ?? '');
      }
      text.text += text.stops.push(text.stream?.flush() ?? '') + text.stops.flush();
      const rest = text.text.slice(told);
      if (rest !== '') this.emit({ text: rest, id: null, index: prompt, sequence });
      byPrompt[prompt].push({
        text: text.text,
        ids: text.ids,
        finishReason: text.stops.found === null ? finishReason : 'stop',
        ...(score === undefined ? {} : { score }),
        ...(logprobs === undefined ? {} : { logprobs: Array.from(logprobs).slice(0, text.ids.length) }),
      });
    }
    // an abort may have come before a prompt's turn
    for (const texts of byPrompt) {
      const missing = texts.length === 0 ? source.settings.numReturnSequences : 0;
      for (let i = 0; i < missing; i++) texts.push({ text: '', ids: [], finishReason: 'abort' });
    }
    const results = byPrompt.map((texts): GeneratedResult => ({ ...texts[0], sequences: texts, steps }));
    return (source.isBatch ? results : results[0]) as R;
  }

  private textOf({ settings, tokenizer, context }: StreamSource, prompt: number, sequence: number): Text {
    const key = `${prompt} ${sequence}`;
    let text = this.texts.get(key);
    if (!text) {
      text = {
        stream: tokenizer?.decodeStream({ context: Array.from(context(prompt)).slice(-CONTEXT) }) ?? null,
        stops: new StopMatcher(settings.stopStrings),
        ids: [],
        text: '',
      };
      this.texts.set(key, text);
    }
    return text;
  }

  private emit(piece: GenerationPiece): void {
    this.pieces.push(piece);
    this.wake();
  }

  private wake(): void {
    for (const resume of this.waiting.splice(0)) resume();
  }
}

/** Which candidates' texts have a stop string. */
function findStops({ settings, tokenizer, context }: StreamSource, { candidates }: CandidatesEvent): boolean[] {
  const textOf = (ids: number[]): string => tokenizer?.decode(ids, { skipSpecialTokens: true }) ?? '';
  return candidates.map(({ prompt, ids }) => {
    const before = Array.from(context(prompt)).slice(-CONTEXT);
    const text = textOf([...before, ...ids]).slice(textOf(before).length);
    return settings.stopStrings.some((stop) => text.includes(stop));
  });
}

/** Has the user's processors change rows of scores. */
function changeScores({ processors }: StreamSource, { scores, rows }: ScoresEvent): void {
  const width = scores.length / rows.length;
  rows.forEach(({ prompt, step, ids }, i) => {
    const row = scores.subarray(i * width, (i + 1) * width);
    for (const process of processors) {
      const given: unknown = process(row, { ids, index: prompt, step });
      if (given !== undefined) {
        throw new WasmformerError(
          'INVALID_ARGUMENT',
          given instanceof Promise
            ? 'a logits processor returned a promise: it must be synchronous'
            : 'a logits processor returned a value: it must change the scores in place',
        );
      }
    }
  });
}

/** Throws INVALID_ARGUMENT. */
export function checkProcessors(processors: unknown): void {
  if (!Array.isArray(processors) || processors.some((process) => typeof process !== 'function'))
    throw new WasmformerError('INVALID_ARGUMENT', 'logitsProcessors must be an array of functions');
}

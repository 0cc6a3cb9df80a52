// What the Encoder's tasks share: what they may use of it, and how texts run through its head.
import { WasmformerError } from '../../errors';
import type { Encoding, Tokenizer } from '../../io/tokenizer';
import type { Config, Head } from '../../models/model';
import type { Outputs } from '../../runtime/batch';
import type { EncoderCall, EncoderFacts } from '../../runtime/encoder-runner';
import type { EmbedOptions } from '../encoder';
import { prepareEncodings } from '../inputs';
import type { Settings } from '../settings';
import type { Tensor } from '../tensor';

/** What the tasks need of an Encoder, which is one. */
export interface TaskContext {
  readonly facts: EncoderFacts;
  readonly config: Config;
  readonly tokenizer: Tokenizer;
  readonly settings: Settings;
  run(call: EncoderCall, signal?: AbortSignal): Promise<Outputs>;
  embedFloat(input: string | readonly string[], options: EmbedOptions): Promise<Tensor<Float32Array>>;
}

/** Sequences that a task sends to the engine at a time. */
const GROUP = 64;

const HEAD_NAMES: Readonly<Record<Head, string>> = {
  maskedLM: 'ForMaskedLM',
  pretraining: 'ForPreTraining',
  nextSentence: 'ForNextSentencePrediction',
  sequenceClassification: 'ForSequenceClassification',
  tokenClassification: 'ForTokenClassification',
  questionAnswering: 'ForQuestionAnswering',
};

/** Throws NO_HEAD. */
export function needHead(context: TaskContext, task: string, ...heads: Head[]): void {
  const { head } = context.facts;
  if (head && heads.includes(head)) return;
  const wanted = heads.map((known) => `...${HEAD_NAMES[known]}`).join(' or ');
  throw new WasmformerError(
    'NO_HEAD',
    `${task} needs a checkpoint whose config.json names ${wanted}, but this one ${head ? `is ...${HEAD_NAMES[head]}` : 'has no head'}`,
  );
}

/** Runs encodings through the head group by group; `visit` gets each one's rows of an output. */
export async function runHead(
  context: TaskContext,
  encodings: readonly Encoding[],
  output: string,
  rowsOf: (encoding: Encoding) => number,
  signal: AbortSignal | undefined,
  visit: (logits: Float32Array, index: number) => void,
  selectedOf?: (encoding: Encoding) => readonly number[],
): Promise<void> {
  for (let from = 0; from < encodings.length; from += GROUP) {
    const group = encodings.slice(from, from + GROUP);
    const { batch } = prepareEncodings(group, context.facts);
    let selected: Int32Array | undefined;
    if (selectedOf) {
      let first = 0;
      const rows = group.flatMap((encoding) => {
        const own = selectedOf(encoding).map((row) => row + first);
        first += encoding.length;
        return own;
      });
      selected = Int32Array.from(rows);
    }
    const outputs = await context.run({ batch, head: true, selected }, signal);
    const data = outputs[output];
    const width = data.length / group.reduce((sum, encoding) => sum + rowsOf(encoding), 0);
    let at = 0;
    group.forEach((encoding, i) => {
      const end = at + rowsOf(encoding) * width;
      visit(data.subarray(at, end), from + i);
      at = end;
    });
  }
}

/** Rows of a head that sees the whole sequence. */
export const one = (): number => 1;

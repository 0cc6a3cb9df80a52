// The decoders of tokenizer.json, token by token: what is pushed into a chain of stages comes out at its end as soon as nothing
// that may follow can change it. Decoding all at once is the same with everything pushed, so that both give the same text.

import { asArray, asFlag, asObject, asString, isObject, type JsonObject } from './json.js';
import { cleaned, cleanUp, eachItem, fuse, replaceText, sequence, type Plan, type Stage } from './stages.js';

/** The texts of a decoder's end. */
class Sink implements Stage {
  private text = '';

  push(fragment: string): void {
    this.text += fragment;
  }

  finish(): void {
    // nothing was held back
  }

  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

/** One text being decoded. */
export class Decoding {
  private readonly sink = new Sink();
  private readonly first: Stage;

  constructor(plan: Plan) {
    this.first = plan(this.sink);
  }

  push(token: string): void {
    this.first.push(token, true);
  }

  /** No more tokens: what was held back comes out. */
  finish(): void {
    this.first.finish();
  }

  /** What came out since the last time. */
  take(): string {
    return this.sink.take();
  }
}

/**
 * Compiles the `decoder` entry to a function that begins a text. `suffix`: the end-of-word suffix of a BPE model, which a decoder that
 * knows none leaves to be replaced here. `isClean`: remove the spaces before punctuation.
 */
export async function compileDecoder(
  config: unknown,
  where: string,
  suffix: string,
): Promise<(isClean: boolean) => Decoding> {
  const isNone = config === undefined || config === null;
  const decode = isNone ? joined : await create(asObject(config, where), where);
  const isBare = suffix !== '' && !(isObject(config) && config.type === 'BPEDecoder');
  const plans = isBare
    ? [decode, fuse, replaceText(suffix, ' '), (await import('./subword-decoders.js')).trim]
    : [decode];
  const plain = sequence(plans);
  const tidy = sequence([...plans, fuse, cleanUp]);
  return (isClean) => new Decoding(isClean ? tidy : plain);
}

async function create(config: JsonObject, where: string): Promise<Plan> {
  switch (config.type) {
    case 'WordPiece':
      return wordPiece(config, where);
    case 'Fuse':
      return fuse;
    case 'Sequence':
      return sequence(
        await Promise.all(
          asArray(config.decoders, `${where}.decoders`).map(async (part, i) => {
            const at = `${where}.decoders[${i}]`;
            return create(asObject(part, at), at);
          }),
        ),
      );
    default:
      // BERTs do without
      return (await import('./subword-decoders.js')).createDecoder(config, where);
  }
}

/** Where there is no decoder. */
const joined = eachItem((item, index) => (index > 0 ? ` ${item}` : item));

/** Words are set apart by spaces, but for the parts of one word. */
function wordPiece(config: JsonObject, where: string): Plan {
  const prefix = asString(config.prefix ?? '##', `${where}.prefix`);
  const isCleaned = asFlag(config.cleanup, true, `${where}.cleanup`);
  return eachItem((item, index) => {
    let text = item;
    if (index > 0) text = item.startsWith(prefix) ? item.slice(prefix.length) : ` ${item}`;
    return isCleaned ? cleaned(text) : text;
  });
}

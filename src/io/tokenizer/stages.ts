// What decoders are made of: stages that tokens' texts go through.

/**
 * A decoder at work. In Python a decoder makes a list of strings of a list of strings; here an item of the list comes in one or
 * more fragments, of which the last is marked, and `finish` ends the list.
 */
export interface Stage {
  push(fragment: string, isLast: boolean): void;
  finish(): void;
}

/** Puts a decoder's stage before the next one. */
export type Plan = (next: Stage) => Stage;

export function sequence(plans: readonly Plan[]): Plan {
  return (next) => plans.reduceRight((stage, plan) => plan(stage), next);
}

/** A stage that makes a text of each whole item, or none (null). `change` has the item's place in the list. */
export function eachItem(change: (item: string, index: number) => string | null): Plan {
  return (next) => {
    let item = '';
    let index = 0;
    return {
      push(fragment, isLast) {
        item = item === '' ? fragment : item + fragment;
        if (!isLast) return;
        const text = change(item, index++);
        item = '';
        if (text !== null) next.push(text, true);
      },
      finish() {
        next.finish();
      },
    };
  };
}

export const fuse: Plan = (next) => ({
  push(fragment) {
    next.push(fragment, false);
  },
  finish() {
    next.push('', true);
    next.finish();
  },
});

/** Holds back what may be the beginning of `search`. */
export function replaceText(search: string, content: string): Plan {
  return (next) => {
    let held = '';
    return {
      push(fragment, isLast) {
        const text = held === '' ? fragment : held + fragment;
        const end = text.lastIndexOf(search);
        if (end < 0 && isLast) {
          held = '';
          next.push(text, true);
          return;
        }
        let out = '';
        let from = 0;
        if (end >= 0) {
          for (let at = text.indexOf(search); at >= 0; at = text.indexOf(search, from)) {
            out += text.slice(from, at) + content;
            from = at + search.length;
          }
        }
        const to = isLast ? text.length : text.length - overlap(text, from, search);
        held = text.slice(to);
        next.push(out + text.slice(from, to), isLast);
      },
      finish() {
        next.finish();
      },
    };
  };
}

/** Length of the longest end of `text`, from unit `from` on, that is a beginning of `search` but not all of it. */
function overlap(text: string, from: number, search: string): number {
  for (let length = Math.min(search.length - 1, text.length - from); length > 0; length--) {
    if (text.endsWith(search.slice(0, length))) return length;
  }
  return 0;
}

/** What Python's clean_up_tokenization replaces, in this order. */
const CLEANED = [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", " 's", " 've", " 're"];
export const cleanUp = sequence(CLEANED.map((text) => replaceText(text, text.trim())));

/** The same for one item, where the reference's decoders also shorten "do not". */
export function cleaned(item: string): string {
  if (!item.includes(' ')) return item;
  let text = item;
  for (const search of CLEANED) {
    text = text.replaceAll(search, search.trim());
    if (search === " 'm") text = text.replaceAll(' do not', " don't");
  }
  return text;
}

// Text in a terminal: what is visible of it, how many columns that takes, and how it is cut to fit.

/** East Asian wide and fullwidth characters (Unicode Standard Annex 11). */
const WIDE =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u;
const EMOJI = /^(\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{Regional_Indicator}{2})/u;
/** Marks that join the character before them, without one. */
const BARE_MARK = /^[\p{M}\u200d]/u;
/** Characters that draw nothing, move the cursor or turn the direction of a line. */
const INVISIBLE = /^[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u;

/** Made when it is first needed: that takes 15 ms. */
let segmenter: Intl.Segmenter | undefined;

/** A grapheme as something that can be seen. */
function visible(grapheme: string): string {
  if (/^\p{Zs}/u.test(grapheme)) return `␣${grapheme.slice(1)}`;
  if (BARE_MARK.test(grapheme)) return `◌${grapheme}`;
  if (!INVISIBLE.test(grapheme)) return grapheme;
  if (grapheme === '\r\n') return '␍␊';
  const code = grapheme.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : '�';
}

/** What a reader takes for characters, each made visible: spaces as ␣, control characters as their symbols (␊, ␉),
 *  other invisible ones as �, a mark without a base on ◌. */
export function graphemesOf(text: string): string[] {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return Array.from(segmenter.segment(text), ({ segment }) => [...visible(segment)].join('')).flatMap((shown) =>
    shown === '␍␊' ? ['␍', '␊'] : [shown],
  );
}

/** Columns of one of `graphemesOf`: 1, or 2 for East Asian wide characters and emoji. */
export function widthOf(grapheme: string): number {
  return WIDE.test(grapheme) || EMOJI.test(grapheme) ? 2 : 1;
}

/** The first graphemes that take at most `columns`, with … in place of what is cut, filled up with spaces. */
export function fit(graphemes: readonly string[], columns: number): string {
  const total = graphemes.reduce((sum, grapheme) => sum + widthOf(grapheme), 0);
  let room = total > columns ? columns - 1 : columns;
  let text = '';
  for (const grapheme of graphemes) {
    if (widthOf(grapheme) > room) break;
    room -= widthOf(grapheme);
    text += grapheme;
  }
  return (total > columns ? `${text}…` : text) + ' '.repeat(room);
}

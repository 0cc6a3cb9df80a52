// A text in passages: paragraphs, and long ones cut between sentences.
const LONGEST = 400;

export function passagesOf(text) {
  return text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph !== '')
    .flatMap(cut);
}

function cut(paragraph) {
  const passages = [''];
  for (const sentence of paragraph.match(/[^.!?…]+[.!?…]*\s*/g) ?? [paragraph]) {
    if (passages.at(-1) && (passages.at(-1) + sentence).length > LONGEST) passages.push('');
    passages[passages.length - 1] += sentence;
  }
  return passages.map((passage) => passage.trim()).filter((passage) => passage !== '');
}

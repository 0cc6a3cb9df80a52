'use client';
// The model runs in the visitor's browser, in a worker: the page stays free while it computes.
import { useState } from 'react';

const MODEL = process.env.NEXT_PUBLIC_MODEL ?? 'sentence-transformers/all-MiniLM-L6-v2';
const endpoint = process.env.NEXT_PUBLIC_ENDPOINT;

let loading;

/** The model, loaded once: by whoever asks first. */
function model(onProgress) {
  loading ??= import('wasmformer')
    .then(({ Encoder }) => Encoder.fromPretrained(MODEL, { endpoint, onProgress }))
    .catch((error) => {
      loading = undefined;
      throw error;
    });
  return loading;
}

export function Compare() {
  const [texts, setTexts] = useState(['How do I cook rice?', 'What is the best way to boil rice?']);
  const [answer, setAnswer] = useState('');

  async function compare() {
    try {
      const encoder = await model(({ phase, file, loaded, total }) => {
        setAnswer(`${phase} ${file}${total ? `: ${Math.round((100 * loaded) / total)} %` : ''}`);
      });
      const similarity = await encoder.similarity(texts[0], texts[1]);
      setAnswer(`${similarity.data[0].toFixed(4)} (${encoder.info.threads} threads)`);
    } catch (error) {
      setAnswer(error.message);
    }
  }

  return (
    <form action={compare}>
      {texts.map((text, i) => (
        <input
          key={i}
          aria-label={`sentence ${i + 1}`}
          value={text}
          onChange={({ target }) => setTexts(texts.with(i, target.value))}
        />
      ))}
      <button>Compare</button>
      <output aria-live="polite">{answer}</output>
    </form>
  );
}

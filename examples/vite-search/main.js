// Semantic search over the user's own text, in the page: ?model= takes another Hub id or URL, ?endpoint= another hub.
import { Encoder } from 'wasmformer';
import { passagesOf } from './passages.js';

const query = new URLSearchParams(location.search);
const MODEL = query.get('model') ?? 'sentence-transformers/all-MiniLM-L6-v2';
const endpoint = query.get('endpoint') ?? undefined;
const SHOWN = 5;

const element = (id) => document.getElementById(id);
const [text, read, status, progress, question, results] = [
  'text',
  'read',
  'status',
  'progress',
  'query',
  'results',
].map(element);

text.value = `The lighthouse on the north cape was built in 1871 of granite from the island's only quarry. Its first keeper, Marta Lind, stayed for thirty-one winters.

Every evening the lamp is lit at dusk. It burned rapeseed oil until 1911, then paraffin; since 1958 it is electric.

The ferry to the mainland leaves twice a day in summer and three times a week in winter. In storms it does not sail at all, and the island lives on what is in the cellars.

Puffins nest on the western cliffs from April to August. Visitors may watch them from the path, but not leave it.

The bakery opens at six. Its rye bread is baked with sea water, which saves the salt.`;

/** The model, loaded once. A failure is forgotten, so that the next click tries again. */
let loading;
function model() {
  loading ??= Encoder.fromPretrained(MODEL, {
    endpoint,
    onProgress: ({ phase, file, loaded, total }) => {
      if (phase === 'download') say(`Downloading ${file}`, total && loaded / total);
      else if (phase === 'pack') say('Getting ready', loaded / total);
    },
  }).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

function say(message, share = null, isError = false) {
  status.textContent = message;
  status.classList.toggle('error', isError);
  progress.hidden = share === null;
  if (share !== null) progress.value = share;
}

let passages = [];
let embeddings;

/** Embeds the text's passages. */
async function readText() {
  passages = passagesOf(text.value);
  if (passages.length === 0) return say('There is no text to read.', null, true);
  read.disabled = true;
  try {
    const encoder = await model();
    embeddings = await encoder.embed(passages, {
      truncation: true,
      onProgress: ({ done, total }) => say(`Reading: ${done} of ${total} passages`, done / total),
    });
    question.disabled = false;
    say(`${passages.length} passages read.`);
    const { build, threads, memory } = encoder.info;
    element('model').textContent =
      `${MODEL} · ${threads} ${threads === 1 ? 'thread' : 'threads'} (${build}) · ${Math.round(memory.total / 1e6)} MB`;
    await search();
  } catch (error) {
    say(error.message, null, true);
  } finally {
    read.disabled = false;
  }
}

let asking = new AbortController();

/** Shows the passages nearest to the question. A newer question ends an older one. */
async function search() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const asked = question.value.trim();
  if (!asked || !embeddings) return results.replaceChildren();
  try {
    const encoder = await model();
    const found = await encoder.search(asked, embeddings, { topK: SHOWN, truncation: true, signal });
    results.replaceChildren(...found.map(({ index, score }) => item(passages[index], score)));
  } catch (error) {
    if (error.code !== 'ABORTED') say(error.message, null, true);
  }
}

function item(passage, score) {
  const line = document.createElement('li');
  line.style.setProperty('--score', Math.max(0, score).toFixed(3));
  const number = document.createElement('span');
  number.className = 'score';
  number.textContent = score.toFixed(2);
  line.append(number, passage);
  return line;
}

read.addEventListener('click', readText);
question.addEventListener('input', search);
text.addEventListener('dragover', (event) => {
  event.preventDefault();
  text.classList.add('over');
});
text.addEventListener('dragleave', () => text.classList.remove('over'));
text.addEventListener('drop', async (event) => {
  text.classList.remove('over');
  const [file] = event.dataTransfer.files;
  if (!file) return;
  event.preventDefault();
  text.value = await file.text();
  await readText();
});

// Embeds on the server, in Node: POST { "texts": [...] }.
import { Encoder } from 'wasmformer';

const MODEL = process.env.MODEL ?? 'sentence-transformers/all-MiniLM-L6-v2';

let loading;

/** The model, loaded once. A failure is forgotten, so that the next request tries again. */
function model() {
  loading ??= Encoder.fromPretrained(MODEL, { endpoint: process.env.ENDPOINT }).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export async function POST(request) {
  const { texts } = await request.json();
  try {
    const { dims, data } = await (await model()).embed(texts);
    return Response.json({ dims, data: Array.from(data) });
  } catch (error) {
    return Response.json({ code: error.code, message: error.message }, { status: 500 });
  }
}

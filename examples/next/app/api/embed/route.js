// Embeds on the server, in Node: POST { "texts": [...] }.
import { Encoder } from 'wasmformer';

const MODEL = process.env.MODEL ?? 'sentence-transformers/all-MiniLM-L6-v2';

let loading;

export async function POST(request) {
  const { texts } = await request.json();
  try {
    loading ??= Encoder.fromPretrained(MODEL, { endpoint: process.env.ENDPOINT });
    const { dims, data } = await (await loading).embed(texts);
    return Response.json({ dims, data: Array.from(data) });
  } catch (error) {
    loading = undefined;
    return Response.json({ code: error.code, message: error.message }, { status: 500 });
  }
}

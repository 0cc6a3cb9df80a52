// Tells the mood of a sentence: curl -d '{"text": "What a lovely day."}' http://localhost:3000/api/mood
import { Encoder } from 'wasmformer/edge';
// compiled when the function is deployed; relaxed.wasm is faster, but a development machine with Node 20 cannot compile it
import module from 'wasmformer/wasm/base.wasm?module';

export const config = { runtime: 'edge' };

let loading;

/** The model, loaded once by the first request that an instance gets, from the site's own files (public/sentiment). */
function model(url) {
  loading ??= Encoder.fromPretrained(new URL('/sentiment', url), { module }).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export default async function handler(request) {
  if (request.method !== 'POST') {
    return Response.json({ message: 'POST { "text": "..." }' }, { status: 405, headers: { Allow: 'POST' } });
  }
  try {
    const encoder = await model(request.url);
    // what is asked may be wrong; whatever else fails is this side's fault
    try {
      const { text } = (await request.json()) ?? {};
      return Response.json(await encoder.classify(text));
    } catch (error) {
      const isInput = error instanceof SyntaxError || ['INVALID_ARGUMENT', 'TOO_LONG'].includes(error.code);
      if (!isInput) throw error;
      return Response.json({ code: error.code, message: error.message }, { status: 400 });
    }
  } catch (error) {
    return Response.json({ code: error.code, message: error.message }, { status: 500 });
  }
}

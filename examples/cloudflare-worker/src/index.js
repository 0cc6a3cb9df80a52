// Tells the mood of a sentence: curl -d '{"text": "What a lovely day."}' http://localhost:8787
import { Encoder } from 'wasmformer/edge';
// compiled when the Worker is deployed: nothing may be compiled at run time
import module from 'wasmformer/wasm/relaxed.wasm';

/** The model, loaded once by the first request that an isolate gets. */
let loading;

function model({ ASSETS }) {
  // the host is of no matter: the binding looks at the path alone
  loading ??= Encoder.fromPretrained('https://assets.local/sentiment', {
    module,
    fetch: (input, init) => ASSETS.fetch(input, init),
  }).catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export default {
  async fetch(request, env) {
    if (request.method !== 'POST') {
      return Response.json({ message: 'POST { "text": "..." }' }, { status: 405, headers: { Allow: 'POST' } });
    }
    try {
      const encoder = await model(env);
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
  },
};

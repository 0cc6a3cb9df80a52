// The two headers that let a page share memory, so that the model in it may use threads.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default {
  base: './',
  server: { headers },
  preview: { headers },
  build: { target: 'es2022' },
  // modules, so that the worker fetches only what it needs
  worker: { format: 'es' },
  // its worker and wasm files are found beside its modules
  optimizeDeps: { exclude: ['wasmformer'] },
};

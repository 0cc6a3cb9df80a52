// The two headers that let a page share memory, so that the model in it may use threads.
const headers = [
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Embedder-Policy', value: 'require-corp' },
];

export default {
  headers: async () => [{ source: '/:path*', headers }],
  // on the server it starts worker threads from its own files
  serverExternalPackages: ['wasmformer'],
};

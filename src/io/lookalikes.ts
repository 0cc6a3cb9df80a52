// What people have in place of a checkpoint's file, by how it starts.

/** Undefined if it is nothing known. */
export function lookalike(start: string): string | undefined {
  if (start.startsWith('version ')) return 'a Git LFS pointer; fetch the real file with "git lfs pull"';
  if (start.startsWith('<')) return 'a web page; check the address it was downloaded from';
  if (start.startsWith('PK')) return 'a zip archive (a PyTorch .bin or .pt?); save the model as safetensors';
  if (start.startsWith('GGUF')) return 'a GGUF file';
  return undefined;
}

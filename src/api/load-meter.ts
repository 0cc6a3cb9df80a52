// Progress of the loading of weights, for those who ask.
import type { LoadProgress } from './pretrained';

/** Tells how far the loading of weights is. */
export class Meter {
  /** Bytes of all weights: of the file's, until the engine tells which it takes. */
  total = 0;
  private loaded = 0;
  /** Where pieces end that are read and not yet packed, and their files. */
  private readonly ends: { end: number; file: string }[] = [];

  constructor(private readonly onProgress: (progress: LoadProgress) => void) {}

  read(file: string, length: number): void {
    this.loaded += length;
    this.ends.push({ end: this.loaded, file });
    this.onProgress({ phase: 'read', file, loaded: this.loaded, total: this.total });
  }

  pack(loaded: number, total: number): void {
    this.total = total;
    while (this.ends.length > 1 && this.ends[0].end < loaded) this.ends.shift();
    this.onProgress({ phase: 'pack', file: this.ends[0]?.file ?? '', loaded, total });
  }
}

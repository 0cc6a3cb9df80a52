// Seeded random numbers, the same on every platform: xoshiro128** (Blackman and Vigna 2018), seeded through splitmix32.

/** A stream of random numbers that its seed and stream number define. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /**
   * @param seed whole number from 0 to 2^53 - 1
   * @param stream whole number below 2^32: another independent sequence of the same seed
   */
  constructor(seed: number, stream = 0) {
    let state = 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    for (const word of [seed | 0, Math.floor(seed / 0x100000000) | 0, stream | 0]) state = next() ^ word;
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next() | 1; // never all zero
  }

  /** 32 random bits as an unsigned number. */
  bits(): number {
    const scaled = Math.imul(this.b, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** A number in [0, 1) with 53 random bits. */
  next(): number {
    const high = this.bits() >>> 5;
    return (high * 0x4000000 + (this.bits() >>> 6)) / 0x20000000000000;
  }
}

/** A seed for a call that names none. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 0x20000000000000);
}

// The region allocator.
import { describe, expect, it } from 'vitest';
import { HEAP } from '../../assembly/abi/layout';
import { Memory } from '../../src/core/memory';
import { Random } from '../support/numbers';

const create = (initial = 1, maximum = 16): Memory =>
  new Memory(new WebAssembly.Memory({ initial, maximum }), maximum * 65536);

describe('Memory', () => {
  it('gives out regions one after another, rounded up to 64 bytes', () => {
    const memory = create();
    expect([1, 64, 65, 0].map((bytes) => memory.alloc(bytes, 'x'))).toEqual([HEAP, HEAP + 64, HEAP + 128, HEAP + 256]);
    expect(memory.used).toBe(320);
  });

  it('reuses the first hole that is large enough', () => {
    const memory = create();
    const [a, , c] = [256, 64, 128, 64].map((bytes) => memory.alloc(bytes, 'x'));
    memory.free(a);
    memory.free(c);
    expect(memory.alloc(192, 'x')).toBe(a);
    expect(memory.alloc(128, 'x')).toBe(c);
    expect(memory.alloc(64, 'x')).toBe(a + 192);
  });

  it('merges neighbouring holes, in any order of freeing', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 0, 2],
    ]) {
      const memory = create();
      const regions = [64, 64, 64, 64].map((bytes) => memory.alloc(bytes, 'x'));
      for (const i of order) memory.free(regions[i]);
      expect(memory.alloc(192, 'x')).toBe(regions[0]);
    }
  });

  it('extends a hole at the end instead of growing behind it', () => {
    const memory = create(1, 3);
    const region = memory.alloc(100_000, 'x');
    memory.free(region);
    expect(memory.alloc(190_000, 'x')).toBe(region);
    expect(memory.size).toBe(3 * 65536);
  });

  it('grows no further than it must, and says what did not fit', () => {
    const memory = create(1, 4);
    memory.alloc(70_000, 'x');
    expect(memory.size).toBe(2 * 65536);
    const { used } = memory;
    expect(() => memory.alloc(10 * 2 ** 20, 'a test')).toThrow(
      expect.objectContaining({ code: 'OUT_OF_MEMORY', message: expect.stringMatching(/^a test needs 10\.0 MB/) }),
    );
    expect(() => memory.alloc(2 ** 50, 'a test')).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
    expect(memory.used).toBe(used);
    expect(memory.alloc(64, 'x')).toBeGreaterThan(HEAP);
  });

  it('refuses to free what it did not give', () => {
    const memory = create();
    const region = memory.alloc(64, 'x');
    memory.free(region);
    expect(() => memory.free(region)).toThrow('no region');
  });

  it('views follow the memory as it grows', () => {
    const memory = create(1, 4);
    const region = memory.alloc(8, 'x');
    memory.f32(region, 2).set([1, 2]);
    memory.alloc(150_000, 'x');
    expect([...memory.f32(region, 2)]).toEqual([1, 2]);
    expect(memory.i32(region, 1)[0]).toBe(0x3f800000);
    expect([...memory.u8(region, 4)]).toEqual([0, 0, 0x80, 0x3f]);
  });

  it('never gives out overlapping regions', () => {
    const memory = create(1, 64);
    const random = new Random(3);
    const live = new Map<number, number>();
    for (let i = 0; i < 2000; i++) {
      if (live.size > 30 || (live.size > 0 && random.uniform() < 0.45)) {
        const address = [...live.keys()][random.below(live.size)];
        memory.free(address);
        live.delete(address);
        continue;
      }
      const bytes = 1 + random.below(5000);
      const address = memory.alloc(bytes, 'x');
      for (const [other, size] of live) expect(address + bytes <= other || other + size <= address).toBe(true);
      live.set(address, bytes);
    }
    for (const address of live.keys()) memory.free(address);
    expect(memory.used).toBe(0);
    expect(memory.alloc(64, 'x')).toBe(HEAP);
  });
});

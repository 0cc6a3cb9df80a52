// SHA-256 against Node's, however the bytes are cut.
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { Sha256 } from '../../src/io/cache/sha256';

it('is the hash of all pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
      const [ours, reference] = [new Sha256(), createHash('sha256')];
      for (const piece of pieces) {
        ours.update(piece);
        reference.update(piece);
      }
      expect(ours.digest()).toBe(reference.digest('hex'));
    }),
    { numRuns: 500 },
  );
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seal, unseal } from '../../src/store/seal.ts';

it('a sealed value opens to itself, and not once any bit of it flipped', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 200 }), fc.nat(), (key, value, spot) => {
      const sealed = seal(key, value);
      expect(Buffer.from(unseal(key, sealed) ?? [1])).toEqual(Buffer.from(value.length === 0 ? [] : value));
      const bit = spot % (sealed.length * 8);
      sealed[bit >> 3] = (sealed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(unseal(key, sealed)).toBeNull();
    }),
  );
});

it('a value does not open under another key, and garbage does not open at all', () => {
  expect(unseal('b', seal('a', Buffer.from('value')))).toBeNull();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3 }), (bytes) => unseal('a', bytes) === null));
});

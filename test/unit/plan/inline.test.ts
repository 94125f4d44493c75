import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inlineAllowance, inlineAskers, MAX_INLINE_BYTES } from '../../../src/plan/inline.ts';

test('small files and small parts of large ones may come with the answer, nothing else', () => {
  expect(inlineAllowance(1_024, 1_024)).toBe(1_024);
  // A holder's piece may reach beyond the bytes that are wanted, but not beyond the file.
  expect(inlineAllowance(1_024, 10)).toBe(1_024);
  expect(inlineAllowance(MAX_INLINE_BYTES, 1)).toBe(MAX_INLINE_BYTES);
  expect(inlineAllowance(MAX_INLINE_BYTES + 1, MAX_INLINE_BYTES)).toBe(MAX_INLINE_BYTES);
  expect(inlineAllowance(MAX_INLINE_BYTES + 1, MAX_INLINE_BYTES + 1)).toBe(0);
  expect(inlineAllowance(0, 0)).toBe(0);
});

test('all who are asked send no more than 64 KiB together, and one at least is asked', () => {
  expect(inlineAskers(0)).toBe(0);
  expect(inlineAskers(MAX_INLINE_BYTES)).toBe(1);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MAX_INLINE_BYTES }), (allowance) => {
      const askers = inlineAskers(allowance);
      expect(askers).toBeGreaterThanOrEqual(1);
      expect(askers * allowance).toBeLessThanOrEqual(MAX_INLINE_BYTES);
    }),
  );
});

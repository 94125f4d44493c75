import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SortedWalk } from '../../src/cache/sorted-walk.ts';

async function* walk(keys: readonly string[]): AsyncGenerator<readonly [string, string]> {
  for (const key of keys) yield [key, `value of ${key}`];
}

it('two walks in step find what both have, and name what was not asked for', async () => {
  const keys = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 12 }).map((all) => all.sort());
  await fc.assert(
    fc.asyncProperty(keys, keys, async (held, asked) => {
      const skipped: string[] = [];
      const sorted = new SortedWalk(walk(held), (key) => skipped.push(key));
      for (const key of asked) {
        expect(await sorted.valueOf(key)).toBe(held.includes(key) ? `value of ${key}` : undefined);
      }
      await sorted.finish();
      expect(skipped).toEqual(held.filter((key) => !asked.includes(key)));
    }),
  );
});

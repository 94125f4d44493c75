import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OwnerSlots } from '../../../src/notify/owner-slots.ts';

/** Work that runs until it is released by its name. */
function bench() {
  const running = new Map<string, () => void>();
  const started: string[] = [];
  const slots = new OwnerSlots<string>(
    {
      run: (item) => {
        started.push(item);
        return new Promise((resolve) => running.set(item, resolve));
      },
    },
    { perOwner: 2 },
  );
  const release = async (item: string): Promise<void> => {
    running.get(item)?.();
    await turn();
  };
  return { slots, started, release };
}

describe('OwnerSlots', () => {
  it('holds up only the owner whose work hangs', () => {
    const { slots, started } = bench();
    for (const item of ['a1', 'a2', 'a3']) slots.add('alice', item);
    slots.add('bob', 'b1');
    expect(started).toEqual(['a1', 'a2', 'b1']);
  });

  it('runs what waits in order as slots get free, and the same item once', async () => {
    const { slots, started, release } = bench();
    for (const item of ['a1', 'a2', 'a3', 'a4', 'a3']) slots.add('alice', item);
    await release('a2');
    await release('a1');
    expect(started).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  it('counts anew after an owner had nothing to do', async () => {
    const { slots, started, release } = bench();
    slots.add('alice', 'a1');
    await release('a1');
    for (const item of ['a2', 'a3', 'a4']) slots.add('alice', item);
    expect(started).toEqual(['a1', 'a2', 'a3']);
  });
});

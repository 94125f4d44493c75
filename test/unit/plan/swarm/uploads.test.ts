import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FILE_UPLOADS, UploadSlots } from '../../../../src/plan/swarm/uploads.ts';

describe('UploadSlots', () => {
  it('never answers more requests, nor serves more clients, than it may', () => {
    const moves = fc.array(
      fc.record({ client: fc.constantFrom('a', 'b', 'c', 'd', 'e'), asks: fc.boolean(), busy: fc.boolean() }),
    );
    fc.assert(
      fc.property(moves, (list) => {
        const slots = new UploadSlots(FILE_UPLOADS);
        const active: string[] = [];
        for (const { client, asks, busy } of list) {
          if (asks && slots.admit(client, 0, busy)) active.push(client);
          else if (!asks && active.includes(client)) {
            slots.done(client, 0);
            active.splice(active.indexOf(client), 1);
          }
          expect(slots.active).toBe(active.length);
          expect(active.length).toBeLessThanOrEqual(FILE_UPLOADS.requests);
          expect(new Set(active).size).toBeLessThanOrEqual(FILE_UPLOADS.clients);
        }
      }),
    );
  });

  it('keeps the place of a client between two requests, and gives it free when that one is idle', () => {
    const slots = new UploadSlots({ requests: 9, clients: 1 });
    expect(slots.admit('a', 0, false)).toBe(true);
    slots.done('a', 0);
    expect(slots.admit('b', 400, false)).toBe(false);
    expect(slots.admit('b', 600, false)).toBe(true);
  });

  it("leaves half of its places empty while the user's own job needs the machine, but never all", () => {
    const slots = new UploadSlots({ requests: 4, clients: 9 });
    expect(['a', 'b', 'c'].map((client) => slots.admit(client, 0, true))).toEqual([true, true, false]);
    expect(new UploadSlots({ requests: 1, clients: 1 }).admit('a', 0, true)).toBe(true);
  });
});

import { expect, test, vi } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { ClientSlots, type SlotOptions } from '../../../src/serve/slots.ts';
import { testNodeId } from '../../support/node-ids.ts';

const OPTIONS: SlotOptions = { clients: 3, waitMs: 2_000, idleMs: 5_000, maxWaiting: 8 };
const signal = new AbortController().signal;

function start(options: Partial<SlotOptions> = {}) {
  const clock = new ManualClock();
  return { clock, slots: new ClientSlots({ clock }, { ...OPTIONS, ...options }) };
}

async function fill(slots: ClientSlots, count: number) {
  return await Promise.all(Array.from({ length: count }, (_, index) => slots.acquire(testNodeId(index), signal)));
}

test('requests of one peer share its slot', async () => {
  const { slots } = start();
  const peer = testNodeId(0);
  await slots.acquire(peer, signal);
  await slots.acquire(peer, signal);
  expect(slots.free).toBe(2);
});

test('the fourth client waits a bounded time, then is told when to come back', async () => {
  const { slots, clock } = start();
  await fill(slots, 3);
  const fourth = slots.acquire(testNodeId(3), signal);
  const refused = expect(fourth).rejects.toMatchObject({ code: 'E_BUSY', details: { retryAfterMs: 5_000 } });
  clock.advance(2_000);
  await refused;
  expect(slots.free).toBe(0);
});

test('a free slot is given also where nobody may wait for one', async () => {
  const { slots, clock } = start({ waitMs: 0 });
  const three = fill(slots, 3);
  clock.advance(1);
  expect(await three).toHaveLength(3);
  const fourth = expect(slots.acquire(testNodeId(3), signal)).rejects.toMatchObject({ code: 'E_BUSY' });
  clock.advance(1);
  await fourth;
});

test('a slot is free again when its client was idle long enough, not before', async () => {
  const { slots, clock } = start({ waitMs: 60_000 });
  const [first] = await fill(slots, 3);
  let entered = false;
  const fourth = slots.acquire(testNodeId(3), signal).then(() => {
    entered = true;
  });
  first?.release();
  clock.advance(4_999);
  // The client comes back in time: its idle time starts anew.
  const again = await slots.acquire(testNodeId(0), signal);
  clock.advance(4_999);
  again.release();
  clock.advance(4_999);
  expect(entered).toBe(false);
  clock.advance(1);
  await fourth;
});

test('who gave up waiting keeps its place in the line', async () => {
  const { slots, clock } = start({ clients: 1 });
  const [first] = await fill(slots, 1);
  first?.release();
  const early = expect(slots.acquire(testNodeId(1), signal)).rejects.toMatchObject({ code: 'E_BUSY' });
  clock.advance(3_500);
  await early;
  const later = expect(slots.acquire(testNodeId(2), signal)).rejects.toMatchObject({ code: 'E_BUSY' });
  const back = slots.acquire(testNodeId(1), signal);
  clock.advance(1_500);
  await back;
  clock.advance(500);
  await later;
});

test('a place nobody waits for any more goes to the next', async () => {
  const { slots, clock } = start({ clients: 1, waitMs: 6_000 });
  const [first] = await fill(slots, 1);
  const leaving = new AbortController();
  const gone = expect(slots.acquire(testNodeId(1), leaving.signal)).rejects.toThrow('gone');
  const next = slots.acquire(testNodeId(2), signal);
  leaving.abort(new Error('gone'));
  await gone;
  first?.release();
  clock.advance(5_000);
  await next;
});

test('the line is bounded', async () => {
  const { slots } = start({ clients: 1, maxWaiting: 2, waitMs: 60_000 });
  await fill(slots, 1);
  const waiting = [1, 2].map((index) => slots.acquire(testNodeId(index), signal));
  await expect(slots.acquire(testNodeId(3), signal)).rejects.toMatchObject({ code: 'E_BUSY' });
  slots.close();
  await Promise.allSettled(waiting);
});

test('more slots take effect at once', async () => {
  const { slots } = start({ clients: 1, waitMs: 60_000 });
  await fill(slots, 1);
  const second = slots.acquire(testNodeId(1), signal);
  slots.update({ ...OPTIONS, clients: 2 });
  await second;
  expect(slots.free).toBe(0);
});

test('a client that returns while its slot changes hands starts anew', async () => {
  const { slots, clock } = start({ clients: 1, waitMs: 60_000 });
  const [first] = await fill(slots, 1);
  const other = slots.acquire(testNodeId(1), signal);
  first?.release();
  clock.advance(5_000);
  const entered = vi.fn();
  const back = slots.acquire(testNodeId(0), signal).then(entered);
  (await other).release();
  expect(entered).not.toHaveBeenCalled();
  clock.advance(5_000);
  await back;
});

test('a slot for one answer is free again at once, and is not given while all are taken', async () => {
  const { slots } = start();
  const [first] = await fill(slots, 2);
  const short = slots.tryAcquire(testNodeId(2));
  expect(slots.free).toBe(0);
  // Further answers for the same client need no further slot.
  const second = slots.tryAcquire(testNodeId(2));
  expect(second).not.toBeNull();
  expect(slots.tryAcquire(testNodeId(3))).toBeNull();
  short?.release();
  short?.release();
  expect(slots.free).toBe(0);
  second?.release();
  expect(slots.free).toBe(1);
  const other = slots.tryAcquire(testNodeId(3));
  expect(other).not.toBeNull();
  other?.release();
  // A client that has a slot already keeps it as long as it would have.
  slots.tryAcquire(testNodeId(0))?.release();
  first?.release();
  expect(slots.free).toBe(1);
});

test('one who comes for a piece during a short answer keeps the slot; one who waits gets no short answer', async () => {
  const { slots, clock } = start({ clients: 1, waitMs: 60_000 });
  const short = slots.tryAcquire(testNodeId(0));
  const use = await slots.acquire(testNodeId(0), signal);
  short?.release();
  const waiting = slots.acquire(testNodeId(1), signal);
  expect(slots.tryAcquire(testNodeId(1))).toBeNull();
  use.release();
  clock.advance(4_999);
  expect(slots.taken).toBe(2);
  clock.advance(1);
  (await waiting).release();
});

test('slots of short answers go round without end', async () => {
  const { slots } = start({ clients: 1 });
  for (let turn = 0; turn < 100; turn++) slots.tryAcquire(testNodeId(turn % 7))?.release();
  expect(slots.free).toBe(1);
  const use = await slots.acquire(testNodeId(8), signal);
  use.release();
});

import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { RateLimit } from '../../../src/serve/rate-limit.ts';

const RATE = 1_048_576;
const GRANT = RATE / 32;
const signal = new AbortController().signal;

/** Takes as fast as it may for one client; counts what it got. */
function greedy(limit: RateLimit, client: string, stop: AbortSignal) {
  const consumer = { bytes: 0, ended: Promise.resolve() };
  const run = async () => {
    while (!stop.aborted) consumer.bytes += await limit.take(client, 1_000_000_000, stop);
  };
  consumer.ended = run().catch(() => {});
  return consumer;
}

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { interval: 1, timeout: 10_000 }).toBe(true);
}

test('what is due is granted, and never more than two grants beyond it', async () => {
  const clock = new ManualClock();
  const limit = new RateLimit({ clock }, { bytesPerSecond: RATE });
  const stop = new AbortController();
  const consumer = greedy(limit, 'a', stop.signal);
  for (let elapsedMs = 40; elapsedMs <= 2_000; elapsedMs += 40) {
    clock.advance(40);
    const due = (RATE * elapsedMs) / 1000;
    await until(() => consumer.bytes >= Math.floor((due - 1) / GRANT) * GRANT);
    expect(consumer.bytes).toBeLessThanOrEqual(due + 2 * GRANT);
  }
  stop.abort();
  await consumer.ended;
});

test('clients share evenly, however many requests each makes', async () => {
  const clock = new ManualClock();
  const limit = new RateLimit({ clock }, { bytesPerSecond: RATE });
  const stop = new AbortController();
  const modest = greedy(limit, 'modest', stop.signal);
  const many = [1, 2, 3, 4].map(() => greedy(limit, 'many', stop.signal));
  const total = () => modest.bytes + many.reduce((sum, { bytes }) => sum + bytes, 0);
  for (let elapsedMs = 40; elapsedMs <= 1_000; elapsedMs += 40) {
    clock.advance(40);
    await until(() => total() >= Math.floor((RATE * elapsedMs) / 1000 / GRANT - 1) * GRANT);
  }
  expect(Math.abs(modest.bytes - total() / 2)).toBeLessThanOrEqual(2 * GRANT);
  stop.abort();
  await Promise.all([modest, ...many].map(({ ended }) => ended));
});

test('bandwidth that nobody used is not saved up', async () => {
  const clock = new ManualClock();
  const limit = new RateLimit({ clock }, { bytesPerSecond: RATE });
  clock.advance(60_000);
  const stop = new AbortController();
  const consumer = greedy(limit, 'a', stop.signal);
  await until(() => consumer.bytes >= 2 * GRANT);
  clock.advance(40);
  await until(() => consumer.bytes >= 3 * GRANT);
  expect(consumer.bytes).toBe(3 * GRANT);
  stop.abort();
  await consumer.ended;
});

test('nobody gets more than was wished', async () => {
  const clock = new ManualClock();
  const limit = new RateLimit({ clock }, { bytesPerSecond: RATE });
  clock.advance(1_000);
  expect(await limit.take('a', 10, signal)).toBe(10);
});

test('a wish that was given up leaves its bytes to others', async () => {
  const clock = new ManualClock();
  const limit = new RateLimit({ clock }, { bytesPerSecond: 1_000 });
  const leaving = new AbortController();
  const gone = limit.take('a', 1_000, leaving.signal);
  const other = limit.take('b', 31, signal);
  leaving.abort(new Error('gone'));
  await expect(gone).rejects.toThrow('gone');
  clock.advance(62);
  expect(await other).toBe(31);
});

test('a new rate counts at once, also for who waits', async () => {
  const clock = new ManualClock();
  const limit = new RateLimit({ clock }, { bytesPerSecond: 10 });
  const waiting = limit.take('a', 1_000_000, signal);
  await until(() => clock.nextTimerInMs() !== null);
  limit.update('unlimited');
  expect(limit.unlimited).toBe(true);
  expect(await waiting).toBeGreaterThan(0);
  expect(await limit.take('a', 1_000_000, signal)).toBe(1_000_000);
  limit.update(RATE);
  expect(limit.unlimited).toBe(false);
  const stop = new AbortController();
  const consumer = greedy(limit, 'a', stop.signal);
  clock.advance(40);
  await until(() => consumer.bytes >= GRANT);
  expect(consumer.bytes).toBe(GRANT);
  stop.abort();
  await consumer.ended;
});

test('what is taken at once counts as everything else, and nobody who waits is passed', async () => {
  const clock = new ManualClock();
  const limit = new RateLimit({ clock }, { bytesPerSecond: RATE });
  expect(limit.tryTake(1)).toBe(false);
  clock.advance(1_000);
  // At most two grants are saved up.
  expect(limit.tryTake(2 * GRANT + 1)).toBe(false);
  expect(limit.tryTake(2 * GRANT)).toBe(true);
  expect(limit.tryTake(1)).toBe(false);
  let granted = 0;
  const taking = limit.take('a', GRANT, signal).then((bytes) => {
    granted = bytes;
  });
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(20);
  expect(limit.tryTake(1)).toBe(false);
  expect(granted).toBe(0);
  clock.advance(20);
  await taking;
  expect(granted).toBe(GRANT);
  limit.update('unlimited');
  expect(limit.tryTake(1e9)).toBe(true);
});

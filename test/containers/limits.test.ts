import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectFromPeers, expectWhole } from './support/expect-download.ts';
import { describeInContainers, Lab } from './support/lab.ts';
import type { WireCount } from './support/machine.ts';

const MIB = 2 ** 20;
/** Headers of TLS, TCP and IP, and the small talk of search. */
const OVERHEAD = 1.06;
/** What may leave at once before the limiter waits. */
const BURST_BYTES = MIB / 2;

/** Calls `look` again and again until `work` is done, and returns all it saw. */
async function during<T>(work: Promise<unknown>, look: () => Promise<T>): Promise<T[]> {
  const seen: T[] = [];
  let working = true;
  const ended = work.finally(() => {
    working = false;
  });
  while (working) seen.push(await look());
  await ended;
  return seen;
}

/** The highest rate between any two looks that are at least two seconds apart, in bytes a second. */
function highestRate(counts: readonly WireCount[]): number {
  const rates = counts.flatMap((from) =>
    counts
      .filter((to) => to.atSeconds - from.atSeconds >= 2)
      .map((to) => (to.sentBytes - from.sentBytes - BURST_BYTES) / (to.atSeconds - from.atSeconds)),
  );
  return Math.max(...rates);
}

describeInContainers('limits of serving, measured on the wire', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open('limits');
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it('sends no faster than serve.bandwidth, whose default is 1 MiB a second', async () => {
    await using holder = await lab.node('holder');
    await using taker = await lab.node('taker');
    await taker.finds(holder);
    const file = await lab.origin.newFile('8MiB');
    await holder.download(file);
    await lab.origin.resetCount();

    const download = taker.download(file);
    const counts = await during(download, () => holder.wire());
    expectFromPeers(await download, file);
    expect(highestRate(counts)).toBeLessThan(MIB * OVERHEAD);
    expect(await lab.origin.bytesSent()).toBe(0);
  });

  it('serves three neighbours at a time; the others go to the origin', async () => {
    await using holder = await lab.node('holder');
    await using stack = new AsyncDisposableStack();
    const takers = [];
    for (const name of ['taker1', 'taker2', 'taker3', 'taker4', 'taker5']) {
      takers.push(stack.use(await lab.node(name)));
    }
    for (const taker of takers) await taker.finds(holder);
    const file = await lab.origin.newFile('4MiB');
    await holder.download(file);
    await lab.origin.resetCount();

    const before = await holder.wire();
    const downloads = Promise.all(takers.map((taker) => taker.download(file, '--no-share')));
    const clients = await during(downloads, async () => (await holder.status()).serving.clients);
    for (const download of await downloads) expectWhole(download, file);
    const sent = (await holder.wire()).sentBytes - before.sentBytes;
    const served = (await downloads).filter(({ bytesFromPeers }) => bytesFromPeers > 0);
    expect(Math.max(...clients)).toBe(3);
    expect(served).toHaveLength(3);
    expect(sent).toBeLessThan(3 * file.size * OVERHEAD);
    expect(await lab.origin.bytesSent()).toBe(2 * file.size);
  });
});

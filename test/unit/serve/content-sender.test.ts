import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../../src/core/chunk-pool.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { ContentSender } from '../../../src/serve/content-sender.ts';
import { RateLimit } from '../../../src/serve/rate-limit.ts';
import { testNodeId } from '../../support/node-ids.ts';

/** A connection whose peer takes a write only when it is told to. */
function slowResponse() {
  const writes: (() => void)[] = [];
  const response = {
    headersSent: false,
    writeHead: () => {
      response.headersSent = true;
    },
    write: (_: Uint8Array, taken: () => void) => writes.push(taken),
    end: () => {},
  };
  return { writes, response: response as unknown as ServerResponse };
}

function sender(readsAhead: boolean) {
  const clock = new ManualClock();
  const { writes, response } = slowResponse();
  const rate = new RateLimit({ clock }, { bytesPerSecond: 'unlimited' });
  const range = { start: 0, end: 3 * CHUNK_BYTES };
  const answer = { status: 206, range, headers: {} } as const;
  const { signal } = new AbortController();
  const options = { client: testNodeId(1), answer, writeTimeoutMs: 1000, readsAhead, signal };
  return { writes, sender: new ContentSender({ clock, rate, response }, options) };
}

/** How many chunks a reader that waits for the sink has handed over before the peer took any. */
async function heldAtOnce(readsAhead: boolean): Promise<number> {
  const { writes, sender: to } = sender(readsAhead);
  let handed = 0;
  const reading = (async () => {
    for (; handed < 3; ) {
      handed++;
      await to.sink(new Uint8Array(CHUNK_BYTES));
    }
    await to.finish();
  })();
  await expect.poll(() => writes.length).toBe(1);
  const held = handed;
  for (let taken = 0; taken < 3; taken++) {
    await expect.poll(() => writes.length).toBe(taken + 1);
    writes[taken]?.();
  }
  await reading;
  expect(to.sent).toBe(3 * CHUNK_BYTES);
  return held;
}

describe('an answer to a slow reader', () => {
  it('holds one chunk, or two where it reads ahead', async () => {
    expect(await heldAtOnce(false)).toBe(1);
    expect(await heldAtOnce(true)).toBe(2);
  });
});

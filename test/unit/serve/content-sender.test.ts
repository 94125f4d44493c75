import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../../src/core/chunk-pool.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { ContentSender } from '../../../src/serve/content-sender.ts';
import { RateLimit } from '../../../src/serve/rate-limit.ts';
import { testNodeId } from '../../support/node-ids.ts';

/** A connection whose peer takes a write only when it is told to. */
function slowResponse() {
  const writes: { readonly bytes: number; readonly taken: () => void }[] = [];
  const said: string[] = [];
  const response = {
    headersSent: false,
    writeHead: () => {
      response.headersSent = true;
    },
    flushHeaders: () => said.push('head'),
    write: ({ byteLength: bytes }: Uint8Array, taken: () => void) => {
      said.push('bytes');
      writes.push({ bytes, taken });
    },
    end: () => said.push('end'),
  };
  return { writes, said, response: response as unknown as ServerResponse };
}

function sender(readsAhead: boolean, size = 3 * CHUNK_BYTES) {
  const clock = new ManualClock();
  const { writes, said, response } = slowResponse();
  const rate = new RateLimit({ clock }, { bytesPerSecond: 'unlimited' });
  const range = { start: 0, end: size };
  const answer = { status: 206, range, headers: {} } as const;
  const { signal } = new AbortController();
  const options = { client: testNodeId(1), answer, writeTimeoutMs: 1000, readsAhead, signal };
  return { writes, said, clock, sender: new ContentSender({ clock, rate, response }, options) };
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
  for (let taken = 0; taken < 12; taken++) {
    await expect.poll(() => writes.length).toBe(taken + 1);
    writes[taken]?.taken();
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

  it('goes out in writes of at most 256 KiB, behind its head', async () => {
    const { writes, said, sender: to } = sender(false);
    const sending = to.sink(new Uint8Array(CHUNK_BYTES));
    for (let taken = 0; taken < 4; taken++) {
      await expect.poll(() => writes.length).toBe(taken + 1);
      writes[taken]?.taken();
    }
    await sending;
    expect(writes.map(({ bytes }) => bytes)).toEqual(Array(4).fill(256 * 1024));
    expect(said).toEqual(['head', ...Array(4).fill('bytes')]);
  });

  it('goes out chunk by chunk when it is long', async () => {
    const { writes, sender: to } = sender(false, 5 * CHUNK_BYTES);
    const sending = to.sink(new Uint8Array(CHUNK_BYTES));
    await expect.poll(() => writes.length).toBe(1);
    writes[0]?.taken();
    await sending;
    expect(writes.map(({ bytes }) => bytes)).toEqual([CHUNK_BYTES]);
  });

  it('goes out with its head when it is short', async () => {
    const { writes, said, sender: to } = sender(false, 100);
    const sending = to.sink(new Uint8Array(100));
    await expect.poll(() => writes.length).toBe(1);
    writes[0]?.taken();
    await sending;
    expect(said).toEqual(['bytes']);
  });

  it('fails when the peer does not take a chunk in time, however much of it went', async () => {
    const { writes, clock, sender: to } = sender(false);
    const sending = expect(to.sink(new Uint8Array(CHUNK_BYTES))).rejects.toMatchObject({ code: 'E_PEER_TIMEOUT' });
    await expect.poll(() => writes.length).toBe(1);
    clock.advance(600);
    writes[0]?.taken();
    expect(writes).toHaveLength(2);
    clock.advance(600);
    await sending;
  });
});

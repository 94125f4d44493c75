import { describe, expect, it } from 'vitest';
import { EventQueue, MAX_WAITING_EVENTS } from '../../../src/api/event-queue.ts';
import { newJobId } from '../../../src/core/ids.ts';
import type { NodeEvent } from '../../../src/observe/events.ts';

const stopping: NodeEvent = { type: 'node.stopping', atMs: 1 };
const a = newJobId();
const progress = (bytesDone: number): NodeEvent => ({
  type: 'transfer.progress',
  transferId: a,
  file: 0,
  bytesDone,
  bytesTotal: null,
  bytesFromPeers: 0,
  bytesFromOrigin: 0,
  bytesFromCache: 0,
  atMs: 1,
});

describe('EventQueue', () => {
  it('keeps the order and only the newest progress', async () => {
    const queue = new EventQueue();
    for (const event of [progress(1), stopping, progress(2), progress(3)]) queue.push(event);
    queue.end();
    queue.push(stopping);
    expect(await Array.fromAsync(queue)).toEqual([stopping, progress(3)]);
    expect(queue.overflowed).toBe(false);
  });

  it('waits for events that come later', async () => {
    const queue = new EventQueue();
    const events = queue[Symbol.asyncIterator]();
    const next = events.next();
    queue.push(stopping);
    expect((await next).value).toEqual(stopping);
    const last = events.next();
    queue.end();
    expect((await last).done).toBe(true);
  });

  it('ends instead of growing when nobody reads', async () => {
    const queue = new EventQueue();
    for (let count = 0; count <= MAX_WAITING_EVENTS; count++) queue.push(stopping);
    expect(queue.overflowed).toBe(true);
    expect(await Array.fromAsync(queue)).toEqual([]);
  });
});

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import type { JoinedFetch } from '../../../src/exchange/joined-fetch.ts';
import type { FetchDeps } from '../../../src/fetch/deps.ts';
import type { FileTask } from '../../../src/fetch/file-task.ts';
import { findHolders } from '../../../src/fetch/find-holders.ts';
import type { Wish } from '../../../src/fetch/wish.ts';
import { testNodeId } from '../../support/node-ids.ts';
import { ScriptedNeighbours } from '../../support/scripted-neighbours.ts';

const content = randomBytes(100_000);
const version = { size: content.length, lastModifiedMs: null, etag: '"1"' };
const [holder, beginner] = [testNodeId(1), testNodeId(2)];
const old = { ...version, etag: '"0"' };

/** A search for holders; `awaited` are said to have begun as well. Time stands still until it is told to move. */
class Search {
  readonly clock = new ManualClock();
  readonly neighbours = new ScriptedNeighbours([
    { nodeId: holder, content, version },
    { nodeId: beginner, content, version: old },
  ]);
  readonly heard = new Set<NodeId>();
  readonly found: NodeId[] = [];
  readonly notes: string[] = [];
  isOriginAllowed = false;
  readonly done: Promise<void>;

  constructor(awaited: readonly NodeId[]) {
    const { found, heard, neighbours } = this;
    const joined = {
      get knowsHolder() {
        return found.length > 0;
      },
      hasHolder: true,
      isAwaited: (nodeId: NodeId) => awaited.includes(nodeId),
      hasHeard: (nodeId: NodeId) => heard.has(nodeId),
      foundHolder: ({ nodeId }: { nodeId: NodeId }) => void found.push(nodeId),
      allowOrigin: () => {
        this.isOriginAllowed = true;
      },
    } as unknown as JoinedFetch;
    const wish: Wish = { url: 'http://o.test/', version, ranges: [], file: null, descriptor: null, originOnly: false };
    // What is not used here is left out.
    const task = {
      request: { priority: 'background' },
      note: (code: string) => void this.notes.push(code),
    } as unknown as FileTask;
    const policy = () => ({ patience: { foregroundMs: 20_000, backgroundMs: 20_000 } });
    const deps = { clock: this.clock, policy, neighbours: () => ({ on: true, use: neighbours }) };
    this.done = findHolders(joined, wish, task, deps as unknown as FetchDeps, new AbortController().signal);
  }

  /** Moves the clock, and lets what waits for it go on. */
  async pass(ms: number): Promise<void> {
    for (let step = 0; step < ms; step += 10) {
      this.clock.advance(10);
      await new Promise(setImmediate);
    }
  }
}

describe('the search for holders', () => {
  it('asks everybody a moment after the beginning, and allows the origin when it is over', async () => {
    const search = new Search([]);
    await search.pass(40);
    expect(search.neighbours.asked).toEqual([]);
    await search.pass(20);
    await search.done;
    expect(search.neighbours.asked).toEqual([holder, beginner]);
    expect(search.found).toEqual([holder]);
    expect(search.notes.filter((code) => code !== 'PEER_ANSWER')).toEqual(['SEARCH', 'SEARCH_DONE']);
    expect(search.isOriginAllowed).toBe(true);
  });

  it('asks nobody who begins as well and says what it has', async () => {
    const search = new Search([beginner]);
    await search.pass(200);
    expect(search.neighbours.asked).toEqual([holder]);
    expect(search.isOriginAllowed).toBe(false);
    search.heard.add(beginner);
    await search.pass(30);
    await search.done;
    expect(search.neighbours.asked).toEqual([holder]);
    expect(search.isOriginAllowed).toBe(true);
  });

  it('asks a holder that somebody else said would begin, once it has not spoken for a second', async () => {
    const search = new Search([holder, beginner]);
    search.heard.add(beginner);
    await search.pass(1_000);
    expect(search.neighbours.asked).toEqual([]);
    expect(search.isOriginAllowed).toBe(false);
    await search.pass(100);
    await search.done;
    expect(search.neighbours.asked).toEqual([holder]);
    expect(search.found).toEqual([holder]);
  });
});

import type { Clock } from '../core/clock.ts';
import { type FileVersion, sameVersion } from '../core/file-version.ts';
import type { NodeId } from '../core/ids.ts';
import { printBytes } from '../core/units.ts';
import type { JoinedFetch } from '../exchange/joined-fetch.ts';
import type { PeerAnswer, PeerRecord } from '../peer/search-types.ts';
import { patienceFor } from '../plan/patience.ts';
import type { Note } from '../transfer/trace.ts';
import type { FetchDeps, Neighbours } from './deps.ts';
import type { FileTask } from './file-task.ts';
import type { Wish } from './wish.ts';

/**
 * Who begins at the same moment is heard of within this time (the interest goes out within 20 ms): of a crowd that starts
 * at once all would ask ten others, who have nothing yet. The origin is not asked before 100 ms in any case.
 */
const LISTEN_FIRST_MS = 50;
/** Who was spared has this long to speak for itself; the origin waits for those with a seat in any case. */
const SPARED_SPEAK_MS = 1_000;
/** Whoever was found to hold the file has this long to answer before the origin is asked, in ms; it is looked every so often. */
const HOLDER_ANSWERS_MS = 2_000;
const LOOK_EVERY_MS = 20;

interface Search {
  readonly neighbours: Neighbours;
  readonly patienceMs: number;
  readonly joined: JoinedFetch;
  readonly wish: Wish;
  readonly note: Note;
}

/**
 * Asks neighbours who has the whole file already and tells the joined fetch, which asks the origin only after that, or
 * when the patience of its priority is over. Never throws: a search that fails finds nobody.
 */
export async function findHolders(
  joined: JoinedFetch,
  wish: Wish,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  const startedMs = clock.monotonicMs();
  const patienceMs = patienceFor(task.request.priority, deps.policy().patience);
  // A search may take longer than anybody waits for it.
  const impatient = clock.after(patienceMs, () => {
    if (!joined.knowsHolder) joined.allowOrigin();
  });
  task.note('SEARCH', 'asking neighbours who holds this version', { round: 1 });
  try {
    const neighbours = deps.neighbours();
    if (neighbours.on)
      await search({ neighbours: neighbours.use, patienceMs, joined, wish, note: task.note }, clock, signal);
    const ms = Math.round(clock.monotonicMs() - startedMs);
    task.note('SEARCH_DONE', joined.knowsHolder ? 'neighbours hold it' : 'no neighbour holds it', { ms });
    if (joined.knowsHolder) await until(() => joined.hasHolder, HOLDER_ANSWERS_MS, clock, signal);
  } catch {
    // The fetch ended, or the search failed: either way nobody is waited for.
  }
  impatient.cancel();
  joined.allowOrigin();
}

/**
 * Those who are said to have begun just now are not searched: as members of the swarm they say what they have. But anybody
 * can say that of another, so who has not spoken then is searched after all.
 */
async function search(of: Search, clock: Clock, signal: AbortSignal): Promise<void> {
  const { joined } = of;
  const spared = new Set<NodeId>();
  const isSpared = (nodeId: NodeId) => {
    if (joined.isAwaited(nodeId)) spared.add(nodeId);
    return spared.has(nodeId);
  };
  await clock.sleep(LISTEN_FIRST_MS, signal);
  await ask(of, isSpared, signal);
  const silent = () => [...spared].filter((nodeId) => !joined.hasHeard(nodeId));
  await until(() => silent().length === 0, SPARED_SPEAK_MS, clock, signal);
  const left = new Set(silent());
  if (left.size > 0) await ask(of, (nodeId) => !left.has(nodeId), signal);
}

async function ask(
  { neighbours, patienceMs, joined, wish: { url, version }, note }: Search,
  skips: (nodeId: NodeId) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const query = { url, version, ranges: null, sha256: null, maxRecords: 1, skips };
  for await (const answer of neighbours.search(query, patienceMs, signal)) {
    const record = wholeRecord(answer, version);
    const what = record !== null ? `holds ${printBytes(version.size)}` : failureOf(answer);
    note('PEER_ANSWER', `${answer.nodeId}: ${what}`, {
      peer: answer.nodeId,
      status: answer.status,
      ms: Math.round(answer.elapsedMs),
      bytes: record === null ? 0 : version.size,
    });
    if (record === null) continue;
    const { pieceSize, pieces } = record;
    joined.foundHolder({ nodeId: answer.nodeId, source: neighbours.source(answer, record), pieceSize, pieces });
  }
}

function wholeRecord({ records }: PeerAnswer, version: FileVersion): PeerRecord | null {
  return records.find((record) => record.ranges.size === version.size && sameVersion(record.version, version)) ?? null;
}

async function until(isTrue: () => boolean, atMostMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + atMostMs;
  while (!isTrue() && clock.monotonicMs() < untilMs) await clock.sleep(LOOK_EVERY_MS, signal);
}

function failureOf({ error, status }: PeerAnswer): string {
  return error?.message ?? (status === 'not-found' ? 'does not hold it' : status);
}

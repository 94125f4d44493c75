import type { Clock } from '../core/clock.ts';
import { type FileVersion, sameVersion } from '../core/file-version.ts';
import { printBytes } from '../core/units.ts';
import type { JoinedFetch } from '../exchange/joined-fetch.ts';
import type { PeerAnswer, PeerRecord } from '../peer/search-types.ts';
import { patienceFor } from '../plan/patience.ts';
import type { Note } from '../transfer/trace.ts';
import type { FetchDeps, Neighbours } from './deps.ts';
import type { FileTask } from './file-task.ts';
import type { Wish } from './wish.ts';

/** Whoever was found to hold the file has this long to answer before the origin is asked, in ms; it is looked every so often. */
const HOLDER_ANSWERS_MS = 2_000;
const LOOK_EVERY_MS = 20;

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
    if (neighbours.on) await search(neighbours.use, patienceMs, joined, wish, task.note, signal);
    const ms = Math.round(clock.monotonicMs() - startedMs);
    task.note('SEARCH_DONE', joined.knowsHolder ? 'neighbours hold it' : 'no neighbour holds it', { ms });
    if (joined.knowsHolder) await untilAnswered(joined, clock, signal);
  } catch {
    // The fetch ended, or the search failed: either way nobody is waited for.
  }
  impatient.cancel();
  joined.allowOrigin();
}

async function search(
  neighbours: Neighbours,
  patienceMs: number,
  joined: JoinedFetch,
  { url, version }: Wish,
  note: Note,
  signal: AbortSignal,
): Promise<void> {
  const query = { url, version, ranges: null, sha256: null, maxRecords: 1 };
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

async function untilAnswered(joined: JoinedFetch, clock: Clock, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + HOLDER_ANSWERS_MS;
  while (!joined.hasHolder && clock.monotonicMs() < untilMs) await clock.sleep(LOOK_EVERY_MS, signal);
}

function failureOf({ error, status }: PeerAnswer): string {
  return error?.message ?? (status === 'not-found' ? 'does not hold it' : status);
}

import { cancelled } from './deadline.ts';
import { encodeSearchRequest } from './protocol/search-codec.ts';
import type { PreparedSearch } from './search-attempt.ts';
import { type SearchDeps, SearchRound } from './search-round.ts';
import type { PeerAnswer, SearchQuery } from './search-types.ts';

/** How a search is done. */
export interface SearchOptions {
  /** Peers asked at the same time; 10 in BITS (BPCR 3.1.1.3). */
  readonly maxPeers?: number;
  /** How long one peer may take, in ms; 15 s in BITS. */
  readonly peerTimeoutMs?: number;
  /** How long the search may take in all, in ms; 60 s in BITS. */
  readonly timeoutMs?: number;
  /**
   * While places are free, peers that turn up later are asked too; a search that has asked all it knows waits for them
   * until so many ms after its start. 0 by default: the search then ends with its last answer.
   */
  readonly lingerMs?: number;
}

const DEFAULTS = { maxPeers: 10, peerTimeoutMs: 15_000, timeoutMs: 60_000, lingerMs: 0 };

/**
 * Asks peers for content and hands out each answer as it comes, failures included (BPCR 3.1.7): up to ten at random at the
 * same time, authenticated ones first; one that fails is replaced by another. Ends when nobody is left to wait for, when
 * the time is up, when `signal` aborts, or when the caller stops reading; what is still running is then aborted.
 * @throws NearbitsError E_INVALID_ARGUMENT when the query is too large to be sent.
 */
export async function* searchPeers(
  deps: SearchDeps,
  query: SearchQuery,
  options: SearchOptions,
  signal: AbortSignal,
): AsyncGenerator<PeerAnswer, void, undefined> {
  const { maxPeers, peerTimeoutMs, timeoutMs, lingerMs } = { ...DEFAULTS, ...options };
  const plain = prepare({ ...query, maxInlineBytes: 0 }, peerTimeoutMs);
  const inline = prepare(query, peerTimeoutMs);
  const stop = new AbortController();
  // Not the fault of the peers that are still being asked: they are not blamed for it.
  const timer = deps.clock.after(timeoutMs, () => stop.abort(cancelled('the search has taken its time')));
  const ending = AbortSignal.any([signal, stop.signal]);
  const round = new SearchRound(deps, { plain, inline }, maxPeers, ending);
  const lingerUntilMs = deps.clock.monotonicMs() + lingerMs;
  try {
    while (!ending.aborted) {
      round.askMore();
      for (let answer = round.takeAnswer(); answer !== null; answer = round.takeAnswer()) {
        deps.emit({ type: 'search.answered', nodeId: answer.nodeId, status: answer.status });
        yield answer;
      }
      const lingers = round.hasFreePlaces && deps.clock.monotonicMs() < lingerUntilMs;
      if (round.isIdle && !lingers) return;
      await round.somethingNew(ending);
    }
  } finally {
    timer.cancel();
    stop.abort(cancelled('the search is over'));
  }
}

function prepare(query: SearchQuery, peerTimeoutMs: number): PreparedSearch {
  return { query, request: encodeSearchRequest(query), peerTimeoutMs };
}

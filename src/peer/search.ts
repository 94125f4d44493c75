import type { NodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import { inlineAskers } from '../plan/inline.ts';
import { PeerChoice } from '../plan/peer-choice.ts';
import { cancelled } from './deadline.ts';
import { encodeSearchRequest } from './protocol/search-codec.ts';
import type { RosterEntry } from './roster-entry.ts';
import { type AttemptDeps, askPeer, type PreparedSearch } from './search-attempt.ts';
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
/** How often a search that has places free looks for new peers. */
const LOOK_AGAIN_MS = 100;

/** What a search works with. */
export interface SearchDeps extends AttemptDeps {
  readonly self: NodeId;
  readonly random: Random;
}

interface Candidate {
  readonly authenticated: boolean;
  readonly entry: RosterEntry;
}

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

/** What is sent to those who may give content with their answer, and to the others. */
interface Searches {
  readonly inline: PreparedSearch;
  readonly plain: PreparedSearch;
}

/** The attempts of one search and their answers. */
class SearchRound {
  readonly #deps: SearchDeps;
  readonly #searches: Searches;
  readonly #signal: AbortSignal;
  readonly #choice: PeerChoice<Candidate>;
  readonly #tried = new Set<NodeId>();
  readonly #answers: PeerAnswer[] = [];
  #free: number;
  /** Peers that may still be asked for content with their answer. */
  #inlineLeft: number;
  #running = 0;
  #wake: () => void = () => undefined;

  constructor(deps: SearchDeps, searches: Searches, maxPeers: number, signal: AbortSignal) {
    this.#deps = deps;
    this.#searches = searches;
    this.#inlineLeft = inlineAskers(searches.inline.query.maxInlineBytes ?? 0);
    this.#signal = signal;
    this.#free = maxPeers;
    this.#choice = new PeerChoice(this.#untried(), maxPeers, deps.random);
  }

  get isIdle(): boolean {
    return this.#running === 0 && this.#answers.length === 0;
  }

  get hasFreePlaces(): boolean {
    return this.#free > 0;
  }

  takeAnswer(): PeerAnswer | null {
    return this.#answers.shift() ?? null;
  }

  /** Fills the free places. */
  askMore(): void {
    if (this.#free === 0) return;
    for (const { entry } of this.#choice.next(this.#untried(), this.#free)) {
      this.#tried.add(entry.nodeId);
      this.#free--;
      this.#running++;
      const inline = this.#inlineLeft > 0;
      if (inline) this.#inlineLeft--;
      const search = inline ? this.#searches.inline : this.#searches.plain;
      void askPeer(this.#deps, entry, search, this.#signal).then((answer) => this.#finished(answer, inline));
    }
  }

  /** Waits for an answer, the end of the search, or, while places are free, for a moment in which peers may turn up. */
  async somethingNew(signal: AbortSignal): Promise<void> {
    if (this.#answers.length > 0 || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal.addEventListener('abort', resolve as () => void, { once: true });
    const timer = this.hasFreePlaces ? this.#deps.clock.after(LOOK_AGAIN_MS, resolve) : null;
    await promise;
    timer?.cancel();
    signal.removeEventListener('abort', resolve as () => void);
  }

  #finished(answer: PeerAnswer, inline: boolean): void {
    this.#running--;
    // A peer that answered keeps its place; one that could not gives it to another.
    if (answer.status !== 'found' && answer.status !== 'not-found') {
      this.#free++;
      if (inline) this.#inlineLeft++;
    }
    this.#answers.push(answer);
    this.#wake();
  }

  #untried(): Candidate[] {
    const { roster, self } = this.#deps;
    return roster
      .usable()
      .filter(({ nodeId }) => nodeId !== self && !this.#tried.has(nodeId))
      .map((entry) => ({ entry, authenticated: entry.authenticatedUntilMs !== null }));
  }
}

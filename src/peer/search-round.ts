import type { NodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import { inlineAskers } from '../plan/inline.ts';
import { PeerChoice } from '../plan/peer-choice.ts';
import type { RosterEntry } from './roster-entry.ts';
import { type AttemptDeps, askPeer, type PreparedSearch } from './search-attempt.ts';
import type { PeerAnswer } from './search-types.ts';

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

/** What is sent to those who may give content with their answer, and to the others. */
export interface Searches {
  readonly inline: PreparedSearch;
  readonly plain: PreparedSearch;
}

/** The attempts of one search and their answers. */
export class SearchRound {
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

  /** Nothing is asked before the first {@link askMore}; `signal` ends what runs. */
  constructor(deps: SearchDeps, searches: Searches, maxPeers: number, signal: AbortSignal) {
    this.#deps = deps;
    this.#searches = searches;
    this.#inlineLeft = inlineAskers(searches.inline.query.maxInlineBytes ?? 0);
    this.#signal = signal;
    this.#free = maxPeers;
    this.#choice = new PeerChoice(this.#untried(), maxPeers, deps.random);
  }

  /** Whether nobody is being asked and no answer lies here. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#answers.length === 0;
  }

  /** Whether more peers could be asked at the same time. */
  get hasFreePlaces(): boolean {
    return this.#free > 0;
  }

  /** The oldest answer that was not taken yet. */
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
    const { skips } = this.#searches.plain.query;
    return roster
      .usable()
      .filter(({ nodeId }) => nodeId !== self && !this.#tried.has(nodeId) && skips?.(nodeId) !== true)
      .map((entry) => ({ entry, authenticated: entry.authenticatedUntilMs !== null }));
  }
}

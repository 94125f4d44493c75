import type { CacheRecord } from '../cache/record.ts';
import { isAbortError, toNearbitsError } from '../core/errors.ts';
import { hasValidator } from '../core/file-version.ts';
import type { NodeId } from '../core/ids.ts';
import { RangeSet } from '../core/range-set.ts';
import { printBytes } from '../core/units.ts';
import type { OriginSource } from '../origin/origin-source.ts';
import type { ShareVerdict } from '../origin/share.ts';
import { WholeFileSource } from '../origin/whole-file-source.ts';
import { Agreement } from '../plan/agree.ts';
import { inlineAllowance } from '../plan/inline.ts';
import { originAllowedFrom, patienceFor } from '../plan/patience.ts';
import type { PartFile } from '../transfer/part-file.ts';
import { Transfer } from '../transfer/transfer.ts';
import type { FetchDeps, Neighbours } from './deps.ts';
import type { FileTask } from './file-task.ts';
import { offerFromPeer } from './offer-from-peer.ts';
import type { FetchedBytes, Round } from './round.ts';
import type { Wish } from './wish.ts';

/** BITS asks again at most three times after peers failed; then the origin finishes the file (BUP 3.6.5.2.4.1). */
const MAX_SEARCH_ROUNDS = 3;

/** One version, fetched from the cache, from neighbours that hold it, and from the origin. */
export class FetchRound implements Round {
  readonly transfer: Transfer;
  readonly #wish: Wish;
  readonly #part: PartFile;
  readonly #task: FileTask;
  readonly #deps: FetchDeps;
  readonly #agreement = new Agreement();
  readonly #failed = new Set<string>();
  readonly #searches = new Set<Promise<void>>();
  #rounds = 0;
  #cacheHoldsAll = false;
  #origin: OriginSource | null = null;
  #stopSearches: AbortSignal = AbortSignal.abort();

  constructor(wish: Wish, part: PartFile, task: FileTask, deps: FetchDeps) {
    this.#wish = wish;
    this.#part = part;
    this.#task = task;
    this.#deps = deps;
    const rangesServed = wish.file?.acceptsRanges ?? true;
    this.transfer = new Transfer(
      {
        part,
        clock: deps.clock,
        note: task.note,
        onProgress: () => task.progress(this.transfer.received, part.proven.size),
        onProven: (range) => task.proven(RangeSet.of(range)),
        onPeerFailed: (id, error) => this.#peerFailed(id as NodeId, error),
      },
      { originRetries: deps.policy().originRetries, originServesRanges: rangesServed },
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const lease = await this.#addCache();
    const endSteering = this.#task.steer({ focus: (focus) => this.transfer.focus(focus), part: this.#part });
    try {
      this.#addOrigin();
      this.#stopSearches = either;
      this.#search();
      await this.transfer.run(signal);
    } finally {
      endSteering();
      stop.abort();
      await Promise.all(this.#searches);
      await lease?.[Symbol.asyncDispose]();
    }
  }

  /** What the origin's last answer said about sharing; allowed where the origin was not asked. */
  get share(): ShareVerdict {
    return this.#origin?.share ?? this.#wish.file?.share ?? { allowed: true };
  }

  /** Bytes of the origin are only known to be those that came. */
  readonly isProven = false;

  get fetched(): FetchedBytes {
    return { ...this.transfer.received, givers: this.transfer.givers as NodeId[] };
  }

  async accepted(): Promise<void> {
    // Whoever wants it finds it in the cache.
  }

  refused(): void {
    // Nobody was given anything of it.
  }

  async #addCache(): Promise<AsyncDisposable | null> {
    const { url, version, originOnly } = this.#wish;
    if (originOnly || !hasValidator(version)) return null;
    const record = this.#deps.cache.find({ url, version, sha256: null })[0];
    if (record === undefined) return null;
    try {
      return await this.#useRecord(record);
    } catch (error) {
      this.#task.note('CACHE_MISS', `this machine's cache cannot be used: ${toNearbitsError(error).message}`);
      return null;
    }
  }

  async #useRecord(record: CacheRecord): Promise<AsyncDisposable> {
    const reader = await this.#deps.cache.open(record.id);
    const { pieces } = reader;
    const usable = this.#agreement.consider(
      { version: record.version, pieceSize: record.pieceSize, pieces },
      this.#wanted(),
    );
    if (typeof usable === 'string') return reader;
    this.#task.note('CACHE_HIT', `this machine's cache holds ${printBytes(record.bytes)} of this version`, {
      record: record.id,
    });
    const source = { kind: 'cache', id: 'cache', fetch: reader.read.bind(reader) } as const;
    const offers = RangeSet.of(...usable);
    this.#cacheHoldsAll = offers.coversAll(this.#part.missing);
    this.transfer.add({ source, offers, pieces: usable });
    return reader;
  }

  #addOrigin(): void {
    const { file, version } = this.#wish;
    if (file === null) return;
    const ranged = this.#deps.origin.source(file);
    this.#origin = ranged;
    const source = file.acceptsRanges ? ranged : new WholeFileSource(ranged, version.size);
    this.transfer.add({ source, offers: RangeSet.of({ start: 0, end: version.size }), pieces: null });
  }

  #search(): void {
    const neighbours = this.#neighbours();
    if (neighbours === null) {
      this.transfer.allowOriginFrom(this.#deps.clock.monotonicMs());
      return;
    }
    this.#rounds++;
    this.transfer.searching = true;
    const work = this.#searchOnce(neighbours).finally(() => {
      this.#searches.delete(work);
      this.transfer.searching = false;
    });
    this.#searches.add(work);
  }

  #neighbours(): Neighbours | null {
    const { request } = this.#task;
    const neighbours = this.#deps.neighbours();
    const reason = this.#whyNoPeers(request.usePeers, request.sha256 !== null, neighbours);
    if (reason === null && neighbours.on) return neighbours.use;
    this.#task.note('PEERS_OFF', `neighbours are not asked: ${reason}`);
    return null;
  }

  #whyNoPeers(usePeers: boolean, hasDigest: boolean, neighbours: ReturnType<FetchDeps['neighbours']>): string | null {
    if (!usePeers) return 'the caller does not want it';
    if (this.#wish.originOnly) return 'the content must come from the origin now';
    if (!neighbours.on) return neighbours.reason;
    if (this.#cacheHoldsAll || this.#part.isComplete) return 'everything is on this machine already';
    if (!hasValidator(this.#wish.version) && !hasDigest)
      return 'the origin gives neither an ETag nor a date, so versions cannot be told apart';
    return null;
  }

  async #searchOnce(neighbours: Neighbours): Promise<void> {
    const { clock, policy } = this.#deps;
    const startedMs = clock.monotonicMs();
    const { priority } = this.#task.request;
    const { patience } = policy();
    this.transfer.allowOriginFrom(originAllowedFrom({ priority, startedMs, endedMs: null, offered: false }, patience));
    this.#task.note('SEARCH', 'asking neighbours who holds this version', { round: this.#rounds });
    const offered = await this.#collect(neighbours);
    const endedMs = clock.monotonicMs();
    this.#task.note('SEARCH_DONE', offered ? 'neighbours hold it' : 'no neighbour holds it', {
      ms: Math.round(endedMs - startedMs),
    });
    this.transfer.allowOriginFrom(originAllowedFrom({ priority, startedMs, endedMs, offered }, patience));
  }

  async #collect(neighbours: Neighbours): Promise<boolean> {
    const { url, version } = this.#wish;
    const digest = this.#task.request.sha256;
    // A digest names the content better than a date does; it is needed where the origin gives no validator.
    const sha256 = digest !== null && !hasValidator(version) ? Buffer.from(digest, 'hex') : null;
    let offered = false;
    try {
      const patienceMs = patienceFor(this.#task.request.priority, this.#deps.policy().patience);
      const ranges = this.#part.missing;
      const maxInlineBytes = inlineAllowance(version.size, ranges.size);
      const query = { url, version, ranges, sha256, maxRecords: 5, maxInlineBytes };
      for await (const answer of neighbours.search(query, patienceMs, this.#stopSearches)) {
        if (this.#failed.has(answer.nodeId)) continue;
        const offer = offerFromPeer(answer, this.#wanted(), this.#agreement, neighbours, this.#task.note);
        if (offer === null) continue;
        this.transfer.add(offer);
        offered = true;
      }
    } catch (error) {
      if (!isAbortError(error)) this.#task.note('SEARCH_DONE', `the search failed: ${toNearbitsError(error).message}`);
    }
    return offered;
  }

  #peerFailed(id: NodeId, error: ReturnType<typeof toNearbitsError>): void {
    this.#failed.add(id);
    const neighbours = this.#deps.neighbours();
    if (neighbours.on) neighbours.use.failed(id, error);
    if (!this.transfer.hasPeers && this.#rounds < MAX_SEARCH_ROUNDS && !this.#stopSearches.aborted) this.#search();
  }

  #wanted() {
    return { version: this.#wish.version, pieceSize: this.#part.pieceSize, ranges: this.#part.wanted };
  }
}

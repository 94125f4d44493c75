import { NearbitsError } from '../core/errors.ts';
import { hasValidator } from '../core/file-version.ts';
import type { NodeId } from '../core/ids.ts';
import { RangeSet } from '../core/range-set.ts';
import type { SourceKind } from '../core/source.ts';
import { printBytes } from '../core/units.ts';
import { contentOf, type ExchangeContent } from '../exchange/content.ts';
import type { JoinedFetch } from '../exchange/joined-fetch.ts';
import { PiecesUnfit } from '../exchange/pieces-unfit.ts';
import type { OriginSource } from '../origin/origin-source.ts';
import type { ShareVerdict } from '../origin/share.ts';
import { WholeFileSource } from '../origin/whole-file-source.ts';
import type { PartFile } from '../transfer/part-file.ts';
import type { FetchDeps } from './deps.ts';
import type { FileTask } from './file-task.ts';
import { findHolders } from './find-holders.ts';
import type { FetchedBytes, Round } from './round.ts';
import { sumsText, togetherText } from './swarm-notes.ts';
import type { Wish } from './wish.ts';

/** Why a file is not fetched together with neighbours, or the content that it is. */
export function contentToShare(wish: Wish, part: PartFile, task: FileTask, deps: FetchDeps): ExchangeContent | string {
  const { request } = task;
  const { file, version } = wish;
  const { swarm } = deps.policy();
  const { size } = version;
  if (!swarm.enabled) return 'swarm.enabled is false';
  if (!request.usePeers || !request.mayShare) return 'the caller does not want it';
  if (wish.originOnly) return 'the content must come from the origin now';
  if (file === null) return 'the origin cannot be reached';
  if (request.ranges !== null || request.onDemand) return 'only parts of the file are wanted';
  if (size < swarm.minBytes) return `the file is smaller than ${printBytes(swarm.minBytes)} (swarm.minSize)`;
  if (!file.share.allowed) return file.share.reason;
  const neighbours = deps.neighbours();
  if (!neighbours.on) return neighbours.reason;
  const into = deps.shareInto();
  if (!into.on) return into.reason;
  if (part.isComplete || deps.cache.find({ url: wish.url, version, sha256: null }).length > 0)
    return 'this machine has some of it already';
  const content = contentOf(wish, part, file.acceptsRanges);
  if (content.anchored === null && !hasValidator(version))
    return 'the origin gives neither an ETag nor a date, so versions cannot be told apart';
  // Others would wait for all of it, and then for a word that may never come.
  if (content.anchored === null && !request.completesItself)
    return 'only the whole file can be proven, and neighbours may have it only when its owner completes the job';
  return content;
}

/** One version of one file, fetched together with the neighbours that want it too. */
export class TogetherRound implements Round {
  readonly #wish: Wish;
  readonly #part: PartFile;
  readonly #task: FileTask;
  readonly #deps: FetchDeps;
  readonly #content: ExchangeContent;
  readonly #origin: OriginSource;
  readonly #bytes = { cache: 0, peer: 0, origin: 0 };
  #joined: JoinedFetch | null = null;

  constructor(content: ExchangeContent, wish: Wish, part: PartFile, task: FileTask, deps: FetchDeps) {
    if (wish.file === null) throw new Error('a file is fetched together only while its origin can be reached');
    this.#content = content;
    this.#wish = wish;
    this.#part = part;
    this.#task = task;
    this.#deps = deps;
    this.#origin = deps.origin.source(wish.file);
  }

  /** Joins those who want the same; why not, when that is not possible now. */
  join(): string | null {
    const { exchange, policy } = this.#deps;
    const joined = exchange.join(this.#content, {
      part: this.#part,
      origin: this.#wish.file?.acceptsRanges
        ? this.#origin
        : new WholeFileSource(this.#origin, this.#wish.version.size),
      note: this.#task.note,
      listener: {
        onBytes: (kind, bytes) => this.#onBytes(kind, bytes),
        onProven: (range) => this.#task.proven(RangeSet.of(range)),
      },
      originRetries: policy().originRetries,
      patience: policy().swarm.patience,
    });
    if (typeof joined === 'string') return joined;
    this.#joined = joined;
    return null;
  }

  get share(): ShareVerdict {
    return this.#origin.share;
  }

  get fetched(): FetchedBytes {
    // Each piece was what somebody vouches for: when the whole is wrong, those who gave pieces are not to blame.
    const givers = this.#content.anchored === null ? [...this.#given().keys()] : [];
    return { ...this.#bytes, givers };
  }

  get isProven(): boolean {
    return this.#content.anchored !== null;
  }

  async run(signal: AbortSignal): Promise<void> {
    const joined = this.#joined as JoinedFetch;
    const { id, anchored } = this.#content;
    this.#task.note('SWARM', togetherText(anchored?.length ?? null), {
      contentId: id,
      anchored: anchored !== null,
    });
    const stop = new AbortController();
    const searching = findHolders(joined, this.#wish, this.#task, this.#deps, AbortSignal.any([signal, stop.signal]));
    try {
      await joined.run(signal);
      this.#noteDone(joined);
    } catch (error) {
      joined.leave();
      throw error instanceof PiecesUnfit ? this.#unfit(error) : error;
    } finally {
      stop.abort();
      await searching;
    }
  }

  async accepted(): Promise<void> {
    await this.#joined?.accepted();
  }

  refused(): void {
    this.#joined?.leave();
  }

  // The digest of the whole is enough, unless the user's own document contradicts itself.
  #unfit(error: PiecesUnfit): NearbitsError {
    const { descriptor } = this.#wish;
    if (descriptor !== null && descriptor.sha256 !== null && descriptor.anchor.kind !== 'job-metalink') return error;
    // Of what an earlier run left nobody knows what is wrong: all of it is fetched anew.
    const code = error.found === 'here' ? 'E_ORIGIN_CHANGED' : error.code;
    return new NearbitsError(code, error.message, { cause: error, hint: error.hint as string });
  }

  #onBytes(kind: SourceKind, bytes: number): void {
    this.#bytes[kind] += bytes;
    this.#task.progress({ ...this.#bytes }, this.#part.proven.size);
  }

  #given(): ReadonlyMap<NodeId, number> {
    return this.#joined?.givers ?? new Map();
  }

  #noteDone({ givenBytes, hasMet }: JoinedFetch): void {
    const { origin, peer } = this.#bytes;
    const givers = this.#given();
    const text = sumsText({ origin, peer, givers, given: givenBytes, hasMet });
    this.#task.note('SWARM_DONE', text, { origin, peer, givers: Object.fromEntries(givers), given: givenBytes });
  }
}

import type { NearbitsError } from '../core/errors.ts';
import { RangeSet } from '../core/range-set.ts';
import type { Source } from '../core/source.ts';
import { afterFailure } from '../plan/after-failure.ts';
import type { Claim } from '../plan/swarm/next-run.ts';
import type { PieceRun } from '../plan/swarm/piece-set.ts';
import { ActiveSource, type FetchOutcome } from '../transfer/active-source.ts';
import { bytesOf } from './content.ts';
import { PiecesUnfit } from './pieces-unfit.ts';
import { type Holder, StandIns } from './stand-ins.ts';
import type { WorkContext } from './work-context.ts';

/** A node that is alone asks for this much in one request, as any other download does. */
const ALONE_BYTES = 64 * 1024 * 1024;
interface OriginRequest {
  readonly source: ActiveSource;
  /** Who is asked in place of the origin, or null. */
  readonly standIn: Holder | null;
  readonly stop: AbortController;
  /** Pieces that are asked for; more than the lease while this node is alone. */
  readonly asked: PieceRun;
  /** Pieces that this node has said it fetches. */
  lease: PieceRun;
  /** Where the next byte belongs in the file. */
  at: number;
}

/** The requests to the origin of one file, or to holders that stand in for it, one at a time. */
export class OriginWork {
  readonly standIns: StandIns;
  readonly #context: WorkContext;
  readonly #source: Source;
  readonly #running = new Set<Promise<void>>();
  #active: OriginRequest | null = null;
  #failures = 0;
  /** Where pieces begin that came and did not fit their description. */
  readonly #wrong = new Set<unknown>();
  /** Why the origin is not asked any more, or null. */
  refusal: NearbitsError | null = null;

  constructor(context: WorkContext, source: Source) {
    this.#context = context;
    this.#source = source;
    this.standIns = new StandIns(context);
  }

  /** Where the next byte belongs in the file; null while nothing is being fetched. */
  get position(): number | null {
    const active = this.#active;
    if (active === null) return null;
    active.at = active.source.running[0]?.at ?? active.at;
    return Math.min(active.at, bytesOf(active.lease, this.#context.content).end);
  }

  /** Fetches a run of pieces; goes on with the running request where that brings them anyway. */
  fetch(lease: Claim): void {
    const active = this.#active;
    if (active !== null && lease.first === active.lease.end && lease.end <= active.asked.end) {
      active.lease = lease;
      return;
    }
    this.stop();
    this.#start(lease);
  }

  /** Breaks off the running request; whole pieces that it brought are kept. */
  stop(): void {
    this.#active?.stop.abort();
    this.#active = null;
  }

  /** Resolves when all that came is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  #start(lease: Claim): void {
    const { content, list, signal, swarm } = this.#context;
    const asked = { first: lease.first, end: swarm.isAlone ? this.#longer(lease) : lease.end };
    const range = bytesOf(asked, content);
    const standIn = this.standIns.choose();
    const pieces = list.isAnchored || standIn !== null ? list.pieces : null;
    const from = standIn?.source ?? this.#source;
    const source = new ActiveSource({ source: from, offers: RangeSet.of(range), pieces });
    const request = { source, standIn, stop: new AbortController(), asked, lease, at: range.start };
    this.#active = request;
    const why = whyNow(lease, swarm.isAlone);
    this.#context.note('FETCH', `asking ${nameOf(request)} for bytes ${range.start} to ${range.end - 1}${why}`, {
      source: from.id,
      ...range,
    });
    const target = this.#context.target(from.kind, (piece) => this.#proven(piece, request));
    const work = source
      .fetch(range, target, AbortSignal.any([signal, request.stop.signal]))
      .then((outcome) => this.#finished(request, outcome))
      .catch((error) => this.#context.fail(error))
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  // As far as pieces are missing without a gap.
  #longer({ first, end }: PieceRun): number {
    const { have } = this.#context.swarm;
    const most = Math.max(
      end,
      Math.min(have.length, first + Math.floor(ALONE_BYTES / this.#context.content.pieceSize)),
    );
    let longer = end;
    while (longer < most && !have.has(longer)) longer++;
    return longer;
  }

  #proven(piece: number, request: OriginRequest): void {
    const { swarm, clock, participant } = this.#context;
    const nowMs = clock.monotonicMs();
    if (this.#active === request) swarm.originAt(this.position ?? 0, nowMs);
    swarm.gained([piece], true, nowMs);
    if (this.#active === request && request.asked.end > request.lease.end && this.#hasAll(request.lease))
      this.#leaseDone(request);
    else participant.touch();
  }

  // The request goes on when the next lease begins where this one ends.
  #leaseDone(request: OriginRequest): void {
    const { swarm, clock, participant } = this.#context;
    const before = request.lease;
    swarm.originEnded(clock.monotonicMs());
    participant.touch();
    if (this.#active === request && request.lease === before) this.stop();
  }

  #hasAll({ first, end }: PieceRun): boolean {
    for (let piece = first; piece < end; piece++) if (!this.#context.swarm.have.has(piece)) return false;
    return true;
  }

  #finished(request: OriginRequest, { error, stopped, range, received, firstByteMs, ms }: FetchOutcome): void {
    const { note, swarm, clock, participant, signal } = this.#context;
    const data = { source: request.source.id, ...range, received, firstByteMs, ms };
    if (request.standIn !== null) this.standIns.gave(request.standIn, received);
    if (error === null) note('FETCHED', `${nameOf(request)} gave ${received} bytes`, data);
    if (this.#active !== request) return;
    this.#active = null;
    if (signal.aborted) return;
    const nowMs = clock.monotonicMs();
    if (error === null || stopped) this.#failures = 0;
    const waitMs = error === null || stopped ? 0 : this.#failed(request, error, received > 0, data);
    if (signal.aborted) return;
    // Nobody else may begin with a file that is here and only has to be looked at as a whole.
    if (!swarm.have.isComplete || this.#context.list.isAnchored) swarm.originEnded(nowMs, nowMs + waitMs);
    participant.touch();
  }

  #failed(
    { standIn }: OriginRequest,
    error: NearbitsError,
    progressed: boolean,
    data: Record<string, unknown>,
  ): number {
    if (standIn !== null) return this.standIns.failed(standIn, error, data);
    const { note, originRetries, fail } = this.#context;
    this.#failures = progressed ? 1 : this.#failures + 1;
    if (error.code === 'E_PEER_BAD_DATA') return this.#wrongPiece(error);
    const verdict = afterFailure({ kind: 'origin', error, failures: this.#failures, originRetries });
    note('FETCH_FAILED', `origin: ${error.message}`, { ...data, code: error.code, verdict: verdict.action });
    // Who serves no ranges to this node serves none to others: the file has to be fetched whole.
    if (verdict.action === 'give-up' || error.code === 'E_ORIGIN_NO_RANGES') fail(error);
    else if (verdict.action === 'drop') this.#refused(error);
    return verdict.action === 'wait' ? verdict.delayMs : 0;
  }

  // A transfer can be damaged on its way; the same piece twice is no accident.
  #wrongPiece(error: NearbitsError): number {
    const { note, fail } = this.#context;
    const { start } = error.details;
    note('DIGEST_MISMATCH', `the origin's ${error.message}`, { givers: [] });
    if (this.#wrong.has(start)) fail(new PiecesUnfit('at-origin', `the origin's ${error.message}`));
    this.#wrong.add(start);
    return 0;
  }

  // Others may still be able to fetch it.
  #refused(error: NearbitsError): void {
    this.refusal = error;
    this.#context.swarm.forbidOrigin(true);
    this.#context.note('SOURCE_REMOVED', 'the origin is not asked again for this file', {
      source: 'origin',
      code: error.code,
    });
  }
}

function nameOf({ standIn }: Pick<OriginRequest, 'standIn'>): string {
  return standIn === null ? 'the origin' : `the neighbour ${standIn.nodeId}`;
}

function whyNow({ takenOver }: Claim, isAlone: boolean): string {
  if (takenOver) return ', because a neighbour that fetches them is too slow';
  return isAlone ? ': nobody else wants them so far' : ', for all that want them';
}

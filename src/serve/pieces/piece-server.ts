import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ByteRange } from '../../core/byte-range.ts';
import type { Clock } from '../../core/clock.ts';
import type { ContentId, NodeId } from '../../core/ids.ts';
import type { Logger } from '../../observe/log.ts';
import type { Identity } from '../../peer/identity.ts';
import { RECEIPTS_HEADER } from '../../peer/piece-questions.ts';
import type { UploadLimits } from '../../plan/swarm/uploads.ts';
import { type AnsweringDeps, answering, type Retry, soon } from '../answering.ts';
import { type ContentAnswer, isRefusal, type Refusal } from '../content-request.ts';
import { ContentSender } from '../content-sender.ts';
import { RateLimit, type ServeRate } from '../rate-limit.ts';
import { RequestCaps } from '../request-caps.ts';
import { type AnswerKind, PiecePlaces } from './piece-places.ts';
import { findPieces, isPiecePath, pieceHeaders, readPieceRequest } from './piece-request.ts';
import { ReceiptBook } from './receipt-book.ts';
import type { PieceShelf, SharedPieces } from './shared-pieces.ts';

/** What answering swarms takes. */
export interface PieceServerDeps {
  readonly shelf: PieceShelf;
  /** Signs the receipts. */
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a swarm may draw; can be changed at run time. */
export interface PieceLimits extends UploadLimits {
  /** Bandwidth for all pieces together, beside that of whole records. */
  readonly bytesPerSecond: ServeRate;
}

/**
 * Caps of one peer. It makes two requests at a time for one content and may fetch two contents; told to come back after
 * {@link BUSY_MS}, it asks a busy node some 30 times a second. So one peer never holds more than half of the places.
 */
const CAPS = { maxParallel: 4, perMinute: 12_000, burst: 1_000 } as const;

/** When a place is likely to be free, in ms: four pieces of 1 MiB leave in about that time. */
const BUSY_MS = 60;

/** 1 MiB in 10 s: whoever reads slower than 105 KB/s holds up a place that many wait for. */
const WRITE_TIMEOUT_MS = 10_000;

/** Gives pieces and descriptors to those who fetch a content together with this node (docs/PROTOCOL.md). */
export class PieceServer {
  readonly #deps: PieceServerDeps;
  readonly #answering: Omit<AnsweringDeps, 'refused'>;
  readonly #places: PiecePlaces;
  readonly #rate: RateLimit;
  readonly #receipts: ReceiptBook;
  readonly #writeTimeoutMs: number;

  constructor(deps: PieceServerDeps, options: { readonly limits: PieceLimits; readonly writeTimeoutMs: number }) {
    const { clock, log } = deps;
    this.#deps = deps;
    this.#answering = { log, caps: new RequestCaps({ clock }, CAPS), retry: soonEnough };
    this.#places = new PiecePlaces({ clock }, options.limits);
    this.#rate = new RateLimit({ clock }, options.limits);
    this.#receipts = new ReceiptBook(deps);
    this.#writeTimeoutMs = Math.min(options.writeTimeoutMs, WRITE_TIMEOUT_MS);
  }

  /** Takes new limits at once, for running answers too. */
  update(limits: PieceLimits): void {
    this.#places.update(limits);
    this.#rate.update(limits.bytesPerSecond);
  }

  /** Whether a request with this path is to be answered here. */
  answers(path: string | undefined): boolean {
    return isPiecePath(path ?? '');
  }

  /**
   * Answers one request of a proven member: 1. caps, 2. form, 3. content and pieces, 4. place, 5. receipts and the bytes,
   * which were checked before. Of each request only the shelf hears: there are hundreds a second. Never throws.
   */
  async answer(nodeId: NodeId, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let asked: ContentId | null = null;
    const refused = (_: NodeId, status: number) => this.#deps.shelf.refused(asked, status);
    await answering({ ...this.#answering, refused }, nodeId, response, async (signal) => {
      const wish = readPieceRequest(request);
      if (isRefusal(wish)) return wish;
      const { contentId } = wish;
      asked = contentId;
      const pieces = this.#deps.shelf.find(contentId);
      if (pieces === null) return { status: 404, reason: 'unknown content' };
      const to = { nodeId, contentId, response, signal };
      return wish.kind === 'pieces' ? this.#give(pieces, wish.range, to) : this.#describe(pieces, to);
    });
  }

  async #give(pieces: SharedPieces, wanted: ByteRange, to: Asker): Promise<Refusal | null> {
    const asked = findPieces(wanted, pieces);
    if (isRefusal(asked)) return asked;
    const { range, run } = asked;
    // Who has a signed descriptor gives the content as a holder does: whole, to few at a time.
    const kind = pieces.signedDescriptor() === null ? 'pieces' : 'file';
    return await this.#inPlace(kind, to, async () => {
      const receipts = { [RECEIPTS_HEADER]: this.#receipts.receiptsFor(pieces, run) };
      const answer = { status: 206, range, headers: { ...pieceHeaders(range, pieces.size), ...receipts } } as const;
      await this.#send(answer, to, (sender) => pieces.read(range, sender.sink, to.signal));
    });
  }

  async #describe(pieces: SharedPieces, to: Asker): Promise<Refusal | null> {
    const bytes = pieces.signedDescriptor();
    if (bytes === null) return { status: 404, reason: 'no descriptor' };
    const range = { start: 0, end: bytes.byteLength };
    const headers = { 'Content-Length': `${range.end}`, 'Content-Type': 'application/x-protobuf' };
    return await this.#inPlace('descriptor', to, () =>
      this.#send({ status: 200, range, headers }, to, async (sender) => sender.sink(bytes)),
    );
  }

  async #inPlace(kind: AnswerKind, to: Asker, answer: () => Promise<void>): Promise<Refusal | null> {
    const leave = this.#places.enter(kind, to.nodeId, this.#deps.shelf.isUserBusyElsewhere(to.contentId));
    if (leave === null) return soon(503, 'no place for another request', BUSY_MS);
    try {
      await answer();
      return null;
    } finally {
      leave();
    }
  }

  async #send(answer: ContentAnswer, to: Asker, read: (sender: ContentSender) => Promise<void>): Promise<void> {
    const { nodeId, contentId, response, signal } = to;
    const deps = { clock: this.#deps.clock, rate: this.#rate, response };
    const options = { client: nodeId, answer, writeTimeoutMs: this.#writeTimeoutMs, readsAhead: false, signal };
    const sender = new ContentSender(deps, options);
    try {
      await read(sender);
      await sender.finish();
    } finally {
      this.#deps.shelf.given(contentId, sender.sent);
    }
  }
}

// The caps count single requests and name shorter times than anything is free in.
const soonEnough: Retry = (status, reason, waitMs) => soon(status, reason, Math.max(waitMs, BUSY_MS));

/** Who asked, for which content, and where the answer goes. */
interface Asker {
  readonly nodeId: NodeId;
  readonly contentId: ContentId;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

import type { Connection, Stream } from '@libp2p/interface';
import type { Clock } from '../core/clock.ts';
import type { NodeId } from '../core/ids.ts';
import type { Logger } from '../observe/log.ts';
import { Deadline, stepError } from './deadline.ts';
import { SourceLimiter } from './discovery/rate-limit.ts';
import { remoteNodeOf } from './libp2p-host.ts';
import type { MemberTable } from './member-table.ts';
import { encodeSearchAnswer } from './protocol/answer-codec.ts';
import { readMessage, streamClosed, writeMessage } from './protocol/frames.ts';
import { decodeSearchRequest } from './protocol/search-codec.ts';
import { MAX_REQUEST_BYTES } from './protocol/wire.ts';
import { plainAnswer, type SearchAnswer, type SearchHandler, type WhenAnswered } from './search-types.ts';

/** What the search server works with. */
export interface SearchServerDeps {
  readonly members: MemberTable;
  readonly searchHandler: SearchHandler;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Limits of the search server. */
export interface SearchServerOptions {
  /** How long one search may take to arrive and to be answered, in ms. */
  readonly timeoutMs: number;
  /** Searches of one peer, and of all together four times as many, that are answered within a second in the long run. */
  readonly searchesPerSecond: number;
}

const SECOND_MS = 1000;
const MAX_SOURCES = 256;

/** Answers the searches of peers: authenticated ones only, and not more often than agreed. */
export class SearchServer {
  readonly #deps: SearchServerDeps;
  readonly #timeoutMs: number;
  readonly #limiter: SourceLimiter;

  constructor(deps: SearchServerDeps, options: SearchServerOptions) {
    this.#deps = deps;
    this.#timeoutMs = options.timeoutMs;
    const perSecond = options.searchesPerSecond;
    const perSource = { burst: 2 * perSecond, perSecond };
    const total = { burst: 8 * perSecond, perSecond: 4 * perSecond };
    this.#limiter = new SourceLimiter(deps, { perSource, total, maxSources: MAX_SOURCES });
  }

  /** Serves one search; never throws. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const deadline = new Deadline(this.#deps, 'search', this.#timeoutMs);
    const { signal } = deadline;
    const whenAnswered: ((sent: boolean) => void)[] = [];
    const answered = (sent: boolean) => {
      for (const done of whenAnswered.splice(0)) done(sent);
    };
    try {
      // Always read first: libp2p loses an answer that overtakes the dialler's choice of the protocol.
      const message = await readMessage(stream, MAX_REQUEST_BYTES, signal);
      const answer = await this.#answer(message, remoteNodeOf(connection), (done) => whenAnswered.push(done));
      await writeMessage(stream, encodeSearchAnswer(answer), signal);
      answered(true);
      await streamClosed(stream, signal);
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'a search that a peer began failed');
      stream.abort(stepError(error, signal, 'E_PEER_PROTOCOL'));
    } finally {
      deadline.clear();
      answered(false);
    }
  }

  // A stranger's search is not even decoded (BPCR 3.1.5.1: CertificateNotFound).
  async #answer(message: Uint8Array, nodeId: NodeId, whenAnswered: WhenAnswered): Promise<SearchAnswer> {
    if (this.#deps.members.authenticatedUntilMs(nodeId) === null) return plainAnswer('unauthenticated');
    if (!this.#limiter.take(nodeId)) return plainAnswer('busy', SECOND_MS);
    const query = decodeSearchRequest(message);
    try {
      return await this.#deps.searchHandler(query, nodeId, whenAnswered);
    } catch (error) {
      this.#deps.log.warn({ err: error, nodeId }, 'a search of a peer could not be answered');
      return plainAnswer('busy', SECOND_MS);
    }
  }
}

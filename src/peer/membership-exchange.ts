import type { Connection, Stream } from '@libp2p/interface';
import type { Clock } from '../core/clock.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { Membership } from '../domain/membership.ts';
import { verifyMembershipChain } from '../domain/verify-chain.ts';
import type { Logger } from '../observe/log.ts';
import { openStream } from './connections.ts';
import { Deadline, stepError } from './deadline.ts';
import { SourceLimiter } from './discovery/rate-limit.ts';
import { remoteNodeOf } from './libp2p-host.ts';
import type { MemberTable } from './member-table.ts';
import { exchangeMessages, readMessage, streamClosed, writeMessage } from './protocol/frames.ts';
import {
  decodeChain,
  decodeReply,
  encodeChain,
  encodeReply,
  type MembershipReply,
} from './protocol/membership-codec.ts';
import { MAX_MEMBERSHIP_BYTES, MEMBERSHIP_PROTOCOL } from './protocol/wire.ts';
import type { Roster } from './roster.ts';

/** What the exchange works with. */
export interface ExchangeDeps {
  readonly membership: Membership;
  readonly members: MemberTable;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly log: Logger;
}

// A reply holds a chain and little more.
const MAX_REPLY_BYTES = MAX_MEMBERSHIP_BYTES + 64;

// Checking a chain costs some milliseconds of CPU. An honest peer needs one exchange; a stranger can take a new PeerId for
// each, so what counts is the limit for all together.
const EXCHANGE_RATES = {
  perSource: { burst: 5, perSecond: 0.5 },
  total: { burst: 60, perSecond: 20 },
  maxSources: 256,
} as const;

/**
 * The membership exchange: the dialler shows its certificate chain, the listener checks it against the PeerId that Noise
 * proved and shows its own. Whoever fails is disconnected and leaves the roster (BITS peer list; BPAU).
 */
export class MembershipExchange {
  readonly #deps: ExchangeDeps;
  readonly #timeoutMs: number;
  readonly #limiter: SourceLimiter;
  // Searches in parallel that meet a new peer share one exchange.
  readonly #running = new Map<NodeId, Promise<number>>();

  /** @param options.timeoutMs how long one exchange may take on either side; Windows: 15 s (BPAU 3.2.2). */
  constructor(deps: ExchangeDeps, options: { readonly timeoutMs: number }) {
    this.#deps = deps;
    this.#timeoutMs = options.timeoutMs;
    this.#limiter = new SourceLimiter(deps, EXCHANGE_RATES);
  }

  /**
   * Exchanges memberships over a connection; returns until when the peer's holds (wall clock, ms).
   * @throws NearbitsError E_PEER_UNAUTHENTICATED when either side is refused, E_PEER_BUSY, E_PEER_PROTOCOL, E_PEER_UNREACHABLE, E_PEER_TIMEOUT.
   */
  authenticate(connection: Connection): Promise<number> {
    const nodeId = remoteNodeOf(connection);
    const running = this.#running.get(nodeId);
    if (running !== undefined) return running;
    const exchange = this.#ask(connection, nodeId).finally(() => this.#running.delete(nodeId));
    this.#running.set(nodeId, exchange);
    return exchange;
  }

  /** Serves one exchange that a peer began; never throws. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const deadline = new Deadline(this.#deps, 'membership exchange', this.#timeoutMs);
    const { signal } = deadline;
    try {
      const nodeId = remoteNodeOf(connection);
      // Always read first: libp2p loses an answer that overtakes the dialler's choice of the protocol.
      const message = await readMessage(stream, MAX_MEMBERSHIP_BYTES, signal);
      const reply = this.#limiter.take(nodeId) ? this.#answer(decodeChain(message), nodeId) : BUSY;
      await writeMessage(stream, encodeReply(reply), signal);
      await streamClosed(stream, signal);
      if (reply.status === 'refused') await connection.close({ signal });
    } catch (error) {
      this.#deps.log.debug({ err: error }, 'a membership exchange that a peer began failed');
      stream.abort(stepError(error, signal, 'E_PEER_PROTOCOL'));
    } finally {
      deadline.clear();
    }
  }

  #answer(chain: readonly Uint8Array[], nodeId: NodeId): MembershipReply {
    const { members, roster, membership, log } = this.#deps;
    try {
      const untilMs = this.#verify(chain, nodeId);
      if (!members.add(nodeId, untilMs)) return BUSY;
      roster.contacted(nodeId, { authenticatedUntilMs: untilMs });
      return { status: 'accepted', chain: membership.chainDer };
    } catch (error) {
      members.delete(nodeId);
      roster.failed(nodeId, 'E_CERTIFICATE');
      log.info({ err: error, nodeId }, 'a peer could not prove its membership');
      return { status: 'refused' };
    }
  }

  async #ask(connection: Connection, nodeId: NodeId): Promise<number> {
    const deadline = new Deadline(this.#deps, 'membership exchange', this.#timeoutMs);
    try {
      const reply = await this.#showChain(connection, deadline.signal);
      if (reply.status === 'busy') throw busy('the peer takes no new members right now');
      if (reply.status === 'refused') throw unauthenticated('the peer does not accept our membership');
      const untilMs = this.#verify(reply.chain, nodeId);
      if (!this.#deps.members.add(nodeId, untilMs)) throw busy('too many members proved themselves within a minute');
      return untilMs;
    } catch (error) {
      const failure = asUnauthenticated(stepError(error, deadline.signal, 'E_PEER_UNREACHABLE'));
      if (failure.code === 'E_PEER_UNAUTHENTICATED') {
        this.#deps.members.delete(nodeId);
        connection.abort(failure);
      }
      throw failure;
    } finally {
      deadline.clear();
    }
  }

  async #showChain(connection: Connection, signal: AbortSignal): Promise<MembershipReply> {
    const stream = await openStream(connection, MEMBERSHIP_PROTOCOL, signal);
    const message = await exchangeMessages(
      stream,
      encodeChain(this.#deps.membership.chainDer),
      MAX_REPLY_BYTES,
      signal,
    );
    return decodeReply(message);
  }

  #verify(chain: readonly Uint8Array[], nodeId: NodeId): number {
    const { membership, clock } = this.#deps;
    return verifyMembershipChain(chain, membership.trust, nodeId, clock.wallMs()).notAfterMs;
  }
}

const BUSY: MembershipReply = { status: 'busy' };

function busy(message: string): NearbitsError {
  return new NearbitsError('E_PEER_BUSY', message);
}

function unauthenticated(message: string, cause?: unknown): NearbitsError {
  return new NearbitsError('E_PEER_UNAUTHENTICATED', message, { cause });
}

function asUnauthenticated(error: NearbitsError): NearbitsError {
  if (error.code !== 'E_CERTIFICATE') return error;
  return unauthenticated(`the peer showed no valid membership: ${error.message}`, error);
}

import type { Stream } from '@libp2p/interface';
import type { Clock } from '../../core/clock.ts';
import type { NodeId } from '../../core/ids.ts';
import { openStream, type PeerConnections } from '../connections.ts';
import { Deadline, stepError, unlessAborted } from '../deadline.ts';
import type { MemberTable } from '../member-table.ts';
import type { MembershipExchange } from '../membership-exchange.ts';
import { SWARM_PROTOCOL } from '../protocol/wire.ts';
import type { Roster } from '../roster.ts';
import type { SwarmAddress } from './swarm-message.ts';

/** What opening a stream to a member works with. */
export interface DialDeps {
  readonly connections: PeerConnections;
  readonly exchange: MembershipExchange;
  readonly members: MemberTable;
  readonly roster: Roster;
  readonly clock: Clock;
}

/** Whom to reach, and how. */
export interface DialTarget {
  readonly nodeId: NodeId;
  readonly addresses: readonly SwarmAddress[];
  /** The memberships are exchanged although the member is proven to us: it may have forgotten us. */
  readonly proveAnew: boolean;
  /** How long all of it may take, in ms. */
  readonly timeoutMs: number;
}

/**
 * Opens a stream of the swarm protocol: connects, or takes the open connection; exchanges memberships where the proof is
 * missing; chooses the protocol. The roster learns how it went, apart from a member that does not speak the protocol.
 * @throws NearbitsError E_PEER_UNREACHABLE, E_PEER_UNAUTHENTICATED, E_PEER_BUSY, E_PEER_PROTOCOL, E_PEER_TIMEOUT, or the signal's reason.
 */
export async function dialMember(deps: DialDeps, target: DialTarget, signal: AbortSignal): Promise<Stream> {
  const deadline = new Deadline(deps, 'reaching a member', target.timeoutMs, signal);
  try {
    const connection = await reach(deps, target, deadline.signal);
    return await openStream(connection, SWARM_PROTOCOL, deadline.signal);
  } catch (error) {
    throw stepError(error, deadline.signal, 'E_PEER_UNREACHABLE');
  } finally {
    deadline.clear();
  }
}

async function reach({ connections, exchange, members, roster }: DialDeps, target: DialTarget, signal: AbortSignal) {
  const { nodeId, proveAnew } = target;
  try {
    const connection = await connections.open(target, signal);
    if (proveAnew || members.authenticatedUntilMs(nodeId) === null) {
      // The exchange may be shared with a search, so it goes on when this attempt is stopped.
      const authenticatedUntilMs = await unlessAborted(exchange.authenticate(connection), signal);
      roster.contacted(nodeId, { authenticatedUntilMs });
    }
    return connection;
  } catch (error) {
    roster.failed(nodeId, stepError(error, signal, 'E_PEER_UNREACHABLE').code);
    throw error;
  }
}

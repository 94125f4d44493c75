import type { Libp2p } from '@libp2p/interface';
import { PeerConnections } from './connections.ts';
import { startHost } from './libp2p-host.ts';
import { MemberTable } from './member-table.ts';
import { MembershipExchange } from './membership-exchange.ts';
import type { NetworkDeps, NetworkLimits } from './network.ts';
import { MEMBERSHIP_PROTOCOL, SEARCH_PROTOCOL, SWARM_PROTOCOL } from './protocol/wire.ts';
import { searchPeers } from './search.ts';
import { SearchServer } from './search-server.ts';
import { SwarmChannel } from './swarm/channel.ts';

/** The parts of a running network. This module and what it imports load libp2p; network.ts imports it when it starts. */
export interface NetworkStack {
  readonly libp2p: Libp2p;
  readonly members: MemberTable;
  readonly connections: PeerConnections;
  readonly exchange: MembershipExchange;
  readonly searchPeers: typeof searchPeers;
  /** Null where nobody listens to it. */
  readonly swarm: SwarmChannel | null;
}

// Streams of one connection at a time; more are reset. A peer has one exchange going, as many searches as transfers, and
// one stream for swarms, besides those that are being closed.
const SEARCH_STREAMS = { maxInboundStreams: 64, maxOutboundStreams: 128 };
const MEMBERSHIP_STREAMS = { maxInboundStreams: 2, maxOutboundStreams: 4 };
const SWARM_STREAMS = { maxInboundStreams: 4, maxOutboundStreams: 4 };

/** Starts the libp2p host and serves the protocols on it. @throws NearbitsError E_LISTEN */
export async function openStack(deps: NetworkDeps, limits: NetworkLimits): Promise<NetworkStack> {
  const members = new MemberTable(deps, limits);
  const libp2p = await startHost(deps.identity, deps.log, limits);
  const connections = new PeerConnections({ ...deps, libp2p, members }, limits);
  const exchange = new MembershipExchange({ ...deps, members }, { timeoutMs: limits.exchangeMs });
  const server = new SearchServer({ ...deps, members }, { ...limits, timeoutMs: limits.exchangeMs });
  await libp2p.handle(MEMBERSHIP_PROTOCOL, (stream, from) => exchange.serve(stream, from), MEMBERSHIP_STREAMS);
  await libp2p.handle(SEARCH_PROTOCOL, (stream, from) => server.serve(stream, from), SEARCH_STREAMS);
  const stack = { libp2p, members, connections, exchange, searchPeers };
  return { ...stack, swarm: await openSwarm(stack, deps, limits) };
}

async function openSwarm(
  { libp2p, ...stack }: Omit<NetworkStack, 'swarm'>,
  deps: NetworkDeps,
  limits: NetworkLimits,
): Promise<SwarmChannel | null> {
  const { swarmListener: listener, identity } = deps;
  if (listener === undefined) return null;
  const swarm = new SwarmChannel(
    { ...deps, ...stack, listener, self: identity.nodeId },
    { openMs: 2 * limits.handshakeMs },
  );
  await libp2p.handle(SWARM_PROTOCOL, (stream, from) => swarm.serve(stream, from), SWARM_STREAMS);
  return swarm;
}

import { combineLayers } from '../../src/config/effective.ts';
import { emptyLayer, layerFromTree } from '../../src/config/layer.ts';
import type { ConfigInput } from '../../src/config/schema.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { ContentId } from '../../src/core/ids.ts';
import { PeerSide } from '../../src/node/peer-side.ts';
import { silentLogger } from '../../src/observe/log.ts';
import type { Identity } from '../../src/peer/identity.ts';
import { Roster } from '../../src/peer/roster.ts';
import type { SwarmBody, SwarmListener, SwarmPeer } from '../../src/peer/swarm/swarm-port.ts';
import type { SwarmTalk } from '../../src/peer/swarm/swarm-talk.ts';
import type { CacheFixture } from './cache-fixture.ts';
import { LOOPBACK, newIdentity, type TestDomain } from './peer-nodes.ts';

/** The side of a node that faces its neighbours, on real sockets of loopback, and what it heard about contents. */
export interface SwarmSide extends AsyncDisposable {
  readonly identity: Identity;
  readonly roster: Roster;
  readonly side: PeerSide;
  /** Shaped like a node, so that others can be introduced to it. */
  readonly network: { readonly port: number };
  readonly heard: { readonly from: SwarmPeer; readonly contentId: ContentId; readonly body: SwarmBody }[];
  /** The ids of those it was told of as wanting something. */
  readonly interested: Set<string>;
  readonly lost: string[];
  /** The talk; throws where the node takes no part. */
  readonly talk: SwarmTalk;
}

/** Where a side is started, and how. */
export interface SwarmSideOptions {
  readonly domain: TestDomain;
  /** Shared by all sides of a test: nothing is fetched from it. */
  readonly cache: CacheFixture;
  readonly config?: ConfigInput;
}

/** Starts a side; unless the configuration says otherwise it uses no interface, so it discovers nobody. */
export async function startSwarmSide({ domain, cache, config = {} }: SwarmSideOptions): Promise<SwarmSide> {
  const identity = newIdentity();
  const roster = await Roster.open({ table: null, clock: systemClock, log: silentLogger, emit: () => {} });
  const heard: SwarmSide['heard'] = [];
  const interested = new Set<string>();
  const lost: string[] = [];
  const listener: SwarmListener = {
    heard: (from, contentId, body) => void heard.push({ from, contentId, body }),
    interested: (_, nodeId) => void interested.add(nodeId),
    lost: (nodeId) => void lost.push(nodeId),
  };
  const deps = { identity, membership: await domain.join(identity), cache: cache.cache, roster };
  const nothing = {
    find: () => null,
    isUserBusyElsewhere: () => false,
    given: () => {},
    refused: () => {},
    attach: () => {},
    told: () => {},
  };
  const exchange = { ...listener, ...nothing };
  const shared = { clock: systemClock, log: silentLogger, emit: () => {} };
  const side = await PeerSide.start({ ...deps, ...shared, exchange }, toConfig(config));
  return {
    ...{ identity, roster, side, heard, interested, lost },
    network: { port: side.ports.peer ?? 0 },
    get talk() {
      if (side.swarm === null) throw new Error('the node takes no part in swarms');
      return side.swarm;
    },
    [Symbol.asyncDispose]: () => side.stop(),
  };
}

function toConfig(extra: ConfigInput) {
  const tree: ConfigInput = {
    ...extra,
    listen: { host: LOOPBACK, peerPort: 0, contentPort: 0 },
    discovery: { interfaces: ['none'], mdns: false, ...extra.discovery },
  };
  const file = layerFromTree(tree, 'test');
  return combineLayers({ file, program: null, policy: emptyLayer('none') }).config;
}

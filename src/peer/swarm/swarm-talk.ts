import type { Clock } from '../../core/clock.ts';
import type { ContentId, NodeId } from '../../core/ids.ts';
import type { Beat } from '../../plan/swarm/announcements.ts';
import { meetingPoints } from '../../plan/swarm/weight.ts';
import { SourceLimiter, type SourceRates } from '../discovery/rate-limit.ts';
import type { OnInterest } from '../discovery/seams.ts';
import type { Roster } from '../roster.ts';
import { AddressBook } from './address-book.ts';
import { type Interest, InterestBook } from './interest-book.ts';
import type {
  InterestedMember,
  SwarmAddress,
  SwarmChannelListener,
  SwarmSender,
  SwarmWireBody,
} from './swarm-message.ts';
import type { SwarmBody, SwarmListener, SwarmPeer, SwarmPort } from './swarm-port.ts';

/** What a {@link SwarmTalk} works with. */
export interface SwarmTalkDeps {
  readonly self: NodeId;
  readonly roster: Pick<Roster, 'usable' | 'addressesOf' | 'isOnSubnet' | 'knowsHost'>;
  readonly listener: SwarmListener;
  readonly clock: Clock;
  /** The channel to members; null while it is being opened. */
  readonly sender: () => SwarmSender | null;
  /** Tells the subnets; returns whether that reaches anybody, as far as is known. */
  readonly tellSubnets: (contentId: ContentId) => boolean;
  /** TCP port of the own content server. */
  readonly contentPort: () => number;
  /** TCP port of the own libp2p listener. */
  readonly peerPort: () => number;
}

/** Members that one answer names; the wire has room for no more. */
const MAX_TOLD = 16;

// Whoever takes part in as many swarms as an interest book notes of one node asks 6.4 times a second. All together: as
// many as ask a meeting point when a crowd of 500 comes at once. Who is not answered asks again after 5 s.
const ANSWER_RATES: SourceRates = {
  perSource: { burst: 64, perSecond: 8 },
  total: { burst: 500, perSecond: 100 },
  maxSources: 256,
};

/**
 * How those who want the same content find each other and talk: datagrams where they pass, the channel for everything
 * else. Where datagrams do not pass, those who want a content meet at the nodes of the roster that are best placed for
 * it; each node serves as such a meeting point, whether it wants the content itself or not.
 */
export class SwarmTalk implements SwarmPort, SwarmChannelListener {
  readonly #deps: SwarmTalkDeps;
  readonly #interests: InterestBook;
  readonly #addresses: AddressBook;
  readonly #answers: SourceLimiter;

  constructor(deps: SwarmTalkDeps) {
    this.#deps = deps;
    this.#interests = new InterestBook(deps);
    this.#addresses = new AddressBook(deps);
    this.#answers = new SourceLimiter(deps, ANSWER_RATES);
  }

  send(to: NodeId, contentId: ContentId, body: SwarmBody): void {
    if (body.kind === 'evidence') this.#say(to, contentId, body);
    else this.#say(to, contentId, { ...body, addresses: this.#addressesIn(body.beat) });
  }

  tellInterest(contentId: ContentId): void {
    const { self, tellSubnets, peerPort } = this.#deps;
    this.#interests.note(contentId, self);
    const unreached = this.#unreached(tellSubnets(contentId));
    for (const to of meetingPoints(contentId, unreached)) {
      this.#say(to, contentId, { kind: 'interest', port: peerPort() });
    }
  }

  /** Who said within the last minute that it wants or has the content, the one heard last first. Nobody has proven who it is. */
  interestedIn(contentId: ContentId): Interest[] {
    return this.#interests.of(contentId).filter(({ nodeId }) => nodeId !== this.#deps.self);
  }

  /** Takes in an interest that a datagram told. */
  readonly heardInterest: OnInterest = (contentId, nodeId, host, port) => {
    this.#addresses.hint(nodeId, { host, port });
    this.#interests.note(contentId, nodeId);
    this.#deps.listener.interested(contentId, nodeId, 0);
  };

  heard(from: SwarmPeer, contentId: ContentId, body: SwarmWireBody): void {
    switch (body.kind) {
      case 'beat':
        for (const [nodeId, address] of body.addresses) this.#addresses.hint(nodeId, address);
        this.#deps.listener.heard(from, contentId, { kind: 'beat', beat: body.beat });
        break;
      case 'evidence':
        this.#deps.listener.heard(from, contentId, body);
        break;
      case 'interest':
        this.#meet(from, contentId, body.port);
        break;
      case 'interested':
        this.#learn(contentId, body.members);
        break;
    }
  }

  lost(nodeId: NodeId): void {
    this.#deps.listener.lost(nodeId);
  }

  /** Where a member may be reached, best first. */
  addressesOf(nodeId: NodeId): SwarmAddress[] {
    return this.#addresses.addressesOf(nodeId);
  }

  // Those whom no datagram reaches: all while none passes; else those of other subnets, which are in the roster only when
  // somebody wrote them down or they came by themselves.
  #unreached(isHeard: boolean): NodeId[] {
    const { roster } = this.#deps;
    const isNear = ({ host }: SwarmAddress) => roster.isOnSubnet(host);
    const peers = roster.usable().filter(({ addresses }) => !isHeard || !addresses.some(isNear));
    return peers.map(({ nodeId }) => nodeId);
  }

  #meet(from: SwarmPeer, contentId: ContentId, port: number): void {
    const { nodeId, host } = from;
    const others = this.#interests.of(contentId).filter((other) => other.nodeId !== nodeId);
    this.#addresses.connected(nodeId, { host, port });
    this.#interests.note(contentId, nodeId);
    this.#deps.listener.interested(contentId, nodeId, 0);
    if (others.length === 0 || !this.#answers.take(nodeId)) return;
    const members = others.slice(0, MAX_TOLD).map((other) => ({ ...other, address: this.#addressOf(other.nodeId) }));
    this.#say(nodeId, contentId, { kind: 'interested', members });
  }

  #learn(contentId: ContentId, members: readonly InterestedMember[]): void {
    for (const { nodeId, ageMs, address } of members) {
      if (nodeId === this.#deps.self) continue;
      if (address !== null) this.#addresses.hint(nodeId, address);
      this.#deps.listener.interested(contentId, nodeId, ageMs);
    }
  }

  #addressesIn({ members }: Beat): Map<NodeId, SwarmAddress> {
    const known = new Map<NodeId, SwarmAddress>();
    for (const { id } of members) {
      const nodeId = id as NodeId; // The plan keeps the ids that it was told here.
      const address = this.#addressOf(nodeId);
      if (address !== null) known.set(nodeId, address);
    }
    return known;
  }

  #addressOf(nodeId: NodeId): SwarmAddress | null {
    return this.#addresses.addressesOf(nodeId)[0] ?? null;
  }

  #say(to: NodeId, contentId: ContentId, body: SwarmWireBody): void {
    this.#deps.sender()?.send(to, { contentId, contentPort: this.#deps.contentPort(), body });
  }
}

import type { Clock } from '../../core/clock.ts';
import type { ContentId, NodeId } from '../../core/ids.ts';
import type { EmitEvent } from '../../observe/events.ts';
import type { Answers } from './answers.ts';
import {
  type Announcement,
  type DatagramFault,
  decodeDatagram,
  encodeDatagram,
  newMessageId,
  type Sender,
} from './datagram.ts';
import { isOnSubnet, type LanInterface } from './interfaces.ts';
import { type Rate, SourceLimiter, type SourceRates, TokenBucket } from './rate-limit.ts';
import { RecentIds } from './recent-ids.ts';
import type { DatagramPort, DiscoveryHint, OnInterest } from './seams.ts';

/** Who this node is, on discovery datagrams. */
export interface Self {
  readonly nodeId: NodeId;
  /** Grows with each start of the node, at most 2^53 - 1; the start time in milliseconds serves. */
  readonly instance: number;
  /** The 16 bytes that name the domain. */
  readonly domainTag: Uint8Array;
  /** TCP port of the libp2p listener, asked for with each datagram. */
  readonly tcpPort: () => number;
}

/** What an {@link Announcer} works with. */
export interface AnnouncerDeps {
  readonly self: Self;
  readonly port: DatagramPort;
  readonly answers: Answers;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly onHint: (hint: DiscoveryHint) => void;
  readonly onInterest: OnInterest;
}

/** Why a datagram was dropped without an answer. */
export type DropReason = DatagramFault | 'rate' | 'subnet' | 'own' | 'repeat';

// A subnet of 500 nodes that all start within ten seconds sends about 600 datagrams a second for that time. A crowd that
// wants one file adds little: 1,000 nodes send some 250 interests in a minute (docs/SWARM.md).
const RATES: SourceRates = {
  perSource: { burst: 200, perSecond: 20 },
  total: { burst: 2_000, perSecond: 500 },
  maxSources: 1_024,
};
const REMEMBERED_IDS = 2_048;
// Half of what others take from one source, so that a node that fetches very much at a time is still heard. An interest
// too many is left out; it is told again after 5 s.
const OWN_INTERESTS: Rate = { burst: 64, perSecond: 10 };

/**
 * Speaks Hello, Probe, ProbeMatch and Interest on the subnets. All are broadcast: a ProbeMatch to the whole subnet lets
 * the others count the answers to a Probe and stay silent, and shows the answering peer to everybody who lacks peers.
 */
export class Announcer {
  readonly #deps: AnnouncerDeps;
  readonly #limiter: SourceLimiter;
  readonly #seen = new RecentIds(REMEMBERED_IDS);
  readonly #ownInterests: TokenBucket;
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  #open: readonly LanInterface[] = [];
  /** Subnets on which another node of the domain was heard: broadcast passes there. */
  #heardOn = new Set<string>();
  #probeIds = new Set<string>();
  #matches = 0;

  constructor(deps: AnnouncerDeps) {
    this.#deps = deps;
    this.#limiter = new SourceLimiter(deps, RATES);
    this.#ownInterests = new TokenBucket(deps, OWN_INTERESTS);
  }

  /** Datagrams dropped since the start, by reason. */
  get dropped(): Readonly<Partial<Record<DropReason, number>>> {
    return this.#dropped;
  }

  /** Answers heard to the Probes of the discovery that began last. */
  get matches(): number {
    return this.#matches;
  }

  /** Listens and speaks on these interfaces from now on; returns those that work. */
  async listen(interfaces: readonly LanInterface[]): Promise<readonly LanInterface[]> {
    const receive = (bytes: Uint8Array, source: string, lan: LanInterface) => this.#receive(bytes, source, lan);
    this.#open = await this.#deps.port.listen(interfaces, receive);
    this.#heardOn = this.#heardOn.intersection(new Set(this.#open.map(keyOf)));
    return this.#open;
  }

  /** Tells the subnet that this node is there. */
  hello(lan: LanInterface): void {
    this.#send(lan, { kind: 'hello', messageId: newMessageId(), sender: this.#sender() });
  }

  /** Begins to count answers anew; call before the first Probe of a discovery. */
  forgetMatches(): void {
    this.#matches = 0;
    this.#probeIds.clear();
  }

  /** Asks every subnet for peers. */
  probe(): void {
    const messageId = newMessageId();
    this.#probeIds.add(messageId);
    for (const lan of this.#open) this.#send(lan, { kind: 'probe', messageId, sender: this.#sender() });
  }

  /**
   * Tells every subnet that this node wants or has a content. Returns whether that reaches anybody, as far as is known:
   * where no other node was ever heard, broadcast is filtered or nobody is there.
   */
  interest(contentId: ContentId): boolean {
    if (this.#open.length === 0) return false;
    const announcement = { kind: 'interest', messageId: newMessageId(), sender: this.#sender(), contentId } as const;
    if (this.#ownInterests.take()) for (const lan of this.#open) this.#send(lan, announcement);
    return this.#heardOn.size > 0;
  }

  /** Closes every socket. */
  async close(): Promise<void> {
    this.#open = [];
    await this.#deps.port.close();
  }

  #sender(): Sender {
    const { nodeId, instance, tcpPort } = this.#deps.self;
    return { nodeId, instance, port: tcpPort() };
  }

  #send(lan: LanInterface, announcement: Announcement): void {
    this.#deps.port.broadcast(lan, encodeDatagram(announcement, this.#deps.self.domainTag));
    this.#deps.emit({ type: 'discovery.sent', message: announcement.kind });
  }

  #receive(bytes: Uint8Array, sourceHost: string, lan: LanInterface): void {
    const announcement = this.#check(bytes, sourceHost, lan);
    if (typeof announcement === 'string') {
      this.#dropped[announcement] = (this.#dropped[announcement] ?? 0) + 1;
      return;
    }
    this.#heardOn.add(keyOf(lan));
    const { nodeId, port, instance } = announcement.sender;
    this.#deps.onHint({ nodeId, host: sourceHost, port, instance, via: announcement.kind });
    if (announcement.kind === 'interest') this.#deps.onInterest(announcement.contentId, nodeId, sourceHost, port);
    else this.#react(announcement, lan);
  }

  // Everything here may be forged; the checks run from the cheapest to the dearest.
  #check(bytes: Uint8Array, sourceHost: string, lan: LanInterface): Announcement | DropReason {
    if (!isOnSubnet(lan, sourceHost)) return 'subnet';
    if (!this.#limiter.take(sourceHost)) return 'rate';
    const announcement = decodeDatagram(bytes, this.#deps.self.domainTag);
    if (typeof announcement === 'string') return announcement;
    if (announcement.sender.nodeId === this.#deps.self.nodeId) return 'own';
    return this.#seen.add(announcement.messageId) ? announcement : 'repeat';
  }

  #react(announcement: Announcement, lan: LanInterface): void {
    const { answers } = this.#deps;
    if (announcement.kind === 'probe') {
      answers.consider(announcement.messageId, () => this.#answer(announcement.messageId, lan));
    } else if (announcement.kind === 'probe-match') {
      answers.heard(announcement.relatesTo, announcement.sender.nodeId);
      if (this.#probeIds.has(announcement.relatesTo)) this.#matches++;
    }
  }

  #answer(relatesTo: string, lan: LanInterface): void {
    this.#send(lan, { kind: 'probe-match', messageId: newMessageId(), sender: this.#sender(), relatesTo });
  }
}

function keyOf(lan: LanInterface): string {
  return `${lan.address} ${lan.mask}`;
}

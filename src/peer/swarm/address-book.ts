import type { Clock } from '../../core/clock.ts';
import type { NodeId } from '../../core/ids.ts';
import type { Roster } from '../roster.ts';
import { isPeerAddress, type PeerAddress, withAddress } from '../roster-entry.ts';
import type { SwarmAddress } from './swarm-message.ts';

/** What an {@link AddressBook} works with. */
export interface AddressBookDeps {
  readonly roster: Pick<Roster, 'addressesOf' | 'isOnSubnet' | 'knowsHost'>;
  readonly clock: Clock;
}

/** Bounds of an {@link AddressBook}. */
export interface AddressBookLimits {
  /** Nodes remembered; the one not heard of for longest goes first. */
  readonly maxNodes: number;
  /** How long a node is remembered after it was last heard of, in ms. */
  readonly rememberMs: number;
}

interface Page {
  readonly addresses: readonly PeerAddress[];
  readonly heardMs: number;
}

// A swarm may have more members than a roster; a node is partner of two dozen of them, and hears of some hundred.
const LIMITS: AddressBookLimits = { maxNodes: 1_024, rememberMs: 600_000 };

/**
 * Where members of swarms can be reached, beside the roster, which keeps only so many peers. All of it is hearsay: a
 * wrong address costs one attempt to connect, where Noise shows that somebody else answers. So that nobody can send
 * this node to any host of the world, what others tell counts only on attached subnets and on hosts that the roster knows.
 */
export class AddressBook {
  readonly #deps: AddressBookDeps;
  readonly #limits: AddressBookLimits;
  // In the order in which they were heard of, the latest last.
  readonly #pages = new Map<NodeId, Page>();

  constructor(deps: AddressBookDeps, limits: Partial<AddressBookLimits> = {}) {
    this.#deps = deps;
    this.#limits = { ...LIMITS, ...limits };
  }

  /** Takes in where somebody says that a node listens. Returns whether it counts. */
  hint(nodeId: NodeId, address: SwarmAddress): boolean {
    const { roster } = this.#deps;
    if (!roster.isOnSubnet(address.host) && !roster.knowsHost(address.host)) return false;
    return this.#note(nodeId, address, false);
  }

  /** Takes in where a member that is connected listens: its own host and the port it names. Goes before what others say. */
  connected(nodeId: NodeId, address: SwarmAddress): boolean {
    return this.#note(nodeId, address, true);
  }

  /** Where a node may be reached, best first: what the roster knows, then what was heard. */
  addressesOf(nodeId: NodeId): SwarmAddress[] {
    const page = this.#pages.get(nodeId);
    const isFresh = page !== undefined && this.#deps.clock.monotonicMs() - page.heardMs < this.#limits.rememberMs;
    const known = [...this.#deps.roster.addressesOf(nodeId), ...(isFresh ? page.addresses : [])];
    const distinct = new Map(known.map(({ host, port }) => [`${host} ${port}`, { host, port }]));
    return [...distinct.values()];
  }

  #note(nodeId: NodeId, { host, port }: SwarmAddress, isConnected: boolean): boolean {
    if (!isPeerAddress(host, port)) return false;
    const { clock } = this.#deps;
    const before = this.#pages.get(nodeId)?.addresses ?? [];
    const fresh = { host, port, via: isConnected ? 'incoming' : 'interest', lastSeenMs: clock.wallMs() } as const;
    this.#pages.delete(nodeId);
    const oldest = this.#pages.keys().next().value;
    if (oldest !== undefined && this.#pages.size >= this.#limits.maxNodes) this.#pages.delete(oldest);
    const addresses = withAddress(before, fresh, isConnected);
    this.#pages.set(nodeId, { addresses, heardMs: clock.monotonicMs() });
    return true;
  }
}

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { NodeId } from '../../core/ids.ts';
import type { Logger } from '../../observe/log.ts';
import type { DiscoveryHint } from './seams.ts';

const MAX_ADDRESSES_OF_A_NAME = 4;

/** A peer that an administrator wrote down, for networks where nothing can be discovered. */
export interface StaticPeer {
  /** An IP address or a host name. */
  readonly host: string;
  readonly port: number;
  /** Null: who answers there is learnt by connecting. */
  readonly nodeId: NodeId | null;
}

/** Gives the IP addresses of a host name. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

/** The machine's own name resolution. */
export const systemResolve: ResolveHost = async (host) =>
  (await lookup(host, { all: true })).map((found) => found.address);

/** What a {@link StaticList} works with. */
export interface StaticListDeps {
  readonly resolve: ResolveHost;
  readonly log: Logger;
  readonly onHint: (hint: DiscoveryHint) => void;
}

/** Tells about the static peers again and again, since the names of some may lead elsewhere by then. */
export class StaticList {
  readonly #deps: StaticListDeps;
  readonly #peers: readonly StaticPeer[];
  #running: Promise<void> | null = null;

  constructor(deps: StaticListDeps, options: { readonly peers: readonly StaticPeer[] }) {
    this.#deps = deps;
    this.#peers = options.peers;
  }

  /** Resolves and tells every entry once; a call while one runs joins it. A name that does not resolve is logged and left for the next time. */
  tell(): Promise<void> {
    this.#running ??= this.#tellAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #tellAll(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => this.#tellOne(peer)));
  }

  async #tellOne(peer: StaticPeer): Promise<void> {
    const { nodeId, port } = peer;
    try {
      for (const host of await addressesOf(peer, this.#deps.resolve)) {
        this.#deps.onHint({ nodeId, host, port, via: 'static' });
      }
    } catch (error) {
      this.#deps.log.warn({ err: error, host: peer.host }, 'a static peer cannot be resolved');
    }
  }
}

async function addressesOf(peer: StaticPeer, resolve: ResolveHost): Promise<readonly string[]> {
  if (isIP(peer.host) !== 0) return [peer.host];
  return (await resolve(peer.host)).filter((host) => isIP(host) !== 0).slice(0, MAX_ADDRESSES_OF_A_NAME);
}

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { NearbitsError } from '../../core/errors.ts';
import { type NodeId, parseNodeId } from '../../core/ids.ts';
import type { Logger } from '../../observe/log.ts';
import type { DiscoveryHint } from './seams.ts';

/** The libp2p TCP port of a static peer that names none. */
export const DEFAULT_PEER_PORT = 21_780;

const MAX_ADDRESSES_OF_A_NAME = 4;
// host, host:port, [v6]:port, each with or without /p2p/PEERID
const STATIC_PEER =
  /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^\s:/[\]]+))(?::(?<port>\d{1,5}))?(?:\/p2p\/(?<id>[^/]+))?$/;

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

/**
 * Reads `host`, `host:port` or `[v6]:port`, each optionally followed by `/p2p/PEERID`.
 * @throws NearbitsError E_INVALID_ARGUMENT when the text is none of these.
 */
export function parseStaticPeer(text: string): StaticPeer {
  const groups = STATIC_PEER.exec(text)?.groups;
  const port = Number(groups?.port ?? DEFAULT_PEER_PORT);
  const host = groups?.v6 ?? groups?.name;
  if (groups === undefined || host === undefined || port < 1 || port > 65_535 || (groups.v6 && isIP(host) !== 6)) {
    throw new NearbitsError('E_INVALID_ARGUMENT', `"${text.slice(0, 120)}" is not a static peer`, {
      hint: 'Write host:port or host:port/p2p/PEERID.',
    });
  }
  return { host, port, nodeId: groups.id === undefined ? null : parseNodeId(groups.id) };
}

/** The addresses of a static peer, at most four; a name that cannot be resolved now rejects with the system's error. */
export async function addressesOf(peer: StaticPeer, resolve: ResolveHost): Promise<readonly string[]> {
  if (isIP(peer.host) !== 0) return [peer.host];
  return (await resolve(peer.host)).filter((host) => isIP(host) !== 0).slice(0, MAX_ADDRESSES_OF_A_NAME);
}

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

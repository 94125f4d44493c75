import type { Cache } from '../cache/cache.ts';
import type { Clock } from '../core/clock.ts';
import type { NearbitsError } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { Source } from '../core/source.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import type { OriginSession } from '../origin/origin-session.ts';
import type { PeerAnswer, PeerRecord, SearchQuery } from '../peer/search-types.ts';
import type { Patience } from '../plan/patience.ts';
import type { SwarmPatience } from '../plan/swarm/followers.ts';
import type { WarmParts } from '../transfer/warm-parts.ts';

/** The neighbours as a transfer sees them. */
export interface Neighbours {
  /** Asks neighbours; answers come as they arrive. Where none is known yet, some are looked for, for up to `patienceMs`. */
  search(query: SearchQuery, patienceMs: number, signal: AbortSignal): AsyncIterable<PeerAnswer>;
  /** The holder of a found record as a source of bytes. */
  source(answer: PeerAnswer, record: PeerRecord): Source;
  /** A neighbour failed while it was used. */
  failed(nodeId: NodeId, error: NearbitsError): void;
}

/** What a neighbour may deliver while the origin cannot be reached. */
export type OriginDownRule =
  /** Nothing: the transfer fails. */
  | 'never'
  /** Only content that is proven by a digest given with the transfer. */
  | 'digest'
  /** The newest version a neighbour holds and has validated. */
  | 'newest';

/** What the administrator decided, as it stands when a transfer begins. */
export interface TransferPolicy {
  readonly patience: Patience;
  readonly originRetries: number;
  readonly whenOriginDown: OriginDownRule;
  /** When a file is fetched together with the neighbours that want it too. */
  readonly swarm: { readonly enabled: boolean; readonly minBytes: number; readonly patience: SwarmPatience };
}

/** Neighbours and the cache that is shared with them, or the reason why there are none. */
export type Sharing<T> = { readonly on: true; readonly use: T } | { readonly on: false; readonly reason: string };

/** What the fetching of every file works with. */
export interface FetchDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
  /** Asks origins with the settings of the job the file belongs to. */
  readonly origin: OriginSession;
  /** Part files that were paused in this process. */
  readonly warm: WarmParts;
  /** Asked anew for each transfer, because membership and policy may change meanwhile. */
  readonly neighbours: () => Sharing<Neighbours>;
  /** Where those meet who want the same. */
  readonly exchange: Pick<Exchange, 'join' | 'userWaits' | 'shared' | 'withdraw'>;
  /** The cache, when results may be put into it for others. */
  readonly shareInto: () => Sharing<Cache>;
  /** The cache, when it may be read; also when nothing may be shared any more. */
  readonly cache: Cache;
  readonly policy: () => TransferPolicy;
}

import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { FileVersion } from '../../src/core/file-version.ts';
import { newRecordId } from '../../src/core/ids.ts';
import { cutIntoPieces, pieceSizeFor } from '../../src/core/pieces.ts';
import { seededRandom } from '../../src/core/random.ts';
import { RangeSet } from '../../src/core/range-set.ts';
import { createDomain, createInvite, joinDomain } from '../../src/domain/domain.ts';
import type { Membership } from '../../src/domain/membership.ts';
import type { NodeEventBody } from '../../src/observe/events.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { type Identity, identityOf } from '../../src/peer/identity.ts';
import {
  type NetworkOptions,
  type PeerAnswer,
  PeerNetwork,
  type PeerRecord,
  type SearchHandler,
  type SearchQuery,
} from '../../src/peer/network.ts';
import { Roster } from '../../src/peer/roster.ts';
import type { SearchOptions } from '../../src/peer/search.ts';
import type { SwarmChannelListener } from '../../src/peer/swarm/swarm-message.ts';

export const LOOPBACK = '127.0.0.1';

export function newIdentity(): Identity {
  return identityOf(generateKeyPairSync('ed25519').privateKey);
}

/** A domain of which nodes can be made members. */
export class TestDomain {
  readonly dir: string;
  readonly #clock: Clock;
  #token: Promise<string> | null = null;

  constructor(dir: string, clock: Clock = systemClock) {
    this.dir = dir;
    this.#clock = clock;
  }

  /** Where the maker of the domain keeps its files. */
  get makerDir(): string {
    return join(this.dir, 'maker');
  }

  async #invite(): Promise<string> {
    await createDomain(this.makerDir, 'test', newIdentity(), this.#clock);
    return (await createInvite(this.makerDir, this.#clock)).token;
  }

  async join(identity: Identity): Promise<Membership> {
    this.#token ??= this.#invite();
    return joinDomain(join(this.dir, identity.nodeId), await this.#token, identity, this.#clock);
  }
}

/** A peer network with its roster, on loopback. */
export interface TestNode extends AsyncDisposable {
  readonly identity: Identity;
  readonly membership: Membership;
  readonly roster: Roster;
  readonly network: PeerNetwork;
  readonly events: NodeEventBody[];
  /** Searches that were answered here. */
  readonly searches: SearchQuery[];
}

export interface TestNodeOptions extends Partial<NetworkOptions> {
  readonly identity?: Identity;
  readonly membership?: Membership;
  readonly clock?: Clock;
  readonly answer?: SearchHandler;
  readonly swarmListener?: SwarmChannelListener;
}

export async function startNode(domain: TestDomain, options: TestNodeOptions = {}): Promise<TestNode> {
  const { identity = newIdentity(), clock = systemClock, answer = holdsNothing, swarmListener, ...limits } = options;
  const membership = options.membership ?? (await domain.join(identity));
  const events: NodeEventBody[] = [];
  const searches: SearchQuery[] = [];
  const log = silentLogger;
  const emit = (event: NodeEventBody) => void events.push(event);
  const roster = await Roster.open({ table: null, clock, log, emit });
  const searchHandler: SearchHandler = (query, from, whenAnswered) => {
    searches.push(query);
    return answer(query, from, whenAnswered);
  };
  const swarm = swarmListener === undefined ? {} : { swarmListener };
  const deps = { identity, membership, roster, clock, random: seededRandom(1), log, emit, searchHandler, ...swarm };
  const network = await PeerNetwork.start(deps, { host: LOOPBACK, port: 0, ...limits });
  const stop = () => network.stop();
  return { identity, membership, roster, network, events, searches, [Symbol.asyncDispose]: stop };
}

/** Tells `node` where others are, as discovery would. */
export function introduce(
  node: Pick<TestNode, 'roster'>,
  ...others: readonly { identity: Identity; network: { port: number } }[]
): void {
  for (const { identity, network } of others) {
    node.roster.hint({ nodeId: identity.nodeId, host: LOOPBACK, port: network.port, via: 'static' });
  }
}

export const VERSION: FileVersion = { size: 3_000_000, lastModifiedMs: 1_700_000_000_000, etag: '"v1"' };

export const QUERY: SearchQuery = {
  url: 'http://origin.example/file.iso',
  version: VERSION,
  ranges: null,
  sha256: null,
  maxRecords: 5,
};

/** A record of these bytes; its hashes are not those of any content. */
export function recordOf(start: number, end: number, version: FileVersion = VERSION): PeerRecord {
  const ranges = RangeSet.of({ start, end });
  const pieceSize = pieceSizeFor(version.size);
  const pieces = cutIntoPieces(ranges, pieceSize).map((piece, index) => ({
    ...piece,
    hash: new Uint8Array(32).fill(index),
  }));
  return { id: newRecordId(), version, ranges, pieceSize, pieces };
}

export const holdsNothing: SearchHandler = async () => ({
  status: 'not-found',
  records: [],
  contentPort: 21_781,
  freeSlots: 3,
  retryAfterMs: 0,
});

export function holds(...records: readonly PeerRecord[]): SearchHandler {
  return async () => ({ status: 'found', records, contentPort: 21_781, freeSlots: 3, retryAfterMs: 0 });
}

/** Everything one search brings. */
export async function searchAll(
  node: TestNode,
  query: SearchQuery = QUERY,
  options: SearchOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<PeerAnswer[]> {
  const answers: PeerAnswer[] = [];
  for await (const answer of node.network.search(query, options, signal)) answers.push(answer);
  return answers;
}

/** Waits until `holds` is true, looking every few milliseconds; fails after five seconds. */
export async function eventually(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error('the condition never became true');
    await systemClock.sleep(5);
  }
}

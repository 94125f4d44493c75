import type { CacheRecord } from '../../src/cache/record.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { Membership } from '../../src/domain/membership.ts';
import type { NodeEventBody } from '../../src/observe/events.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { ContentClient, type ContentClientOptions } from '../../src/peer/content-client.ts';
import { ContentServer, type ContentServerDeps, type ContentServerOptions } from '../../src/serve/content-server.ts';
import { CacheFixture } from './cache-fixture.ts';
import { testNodeId } from './node-ids.ts';
import { tempDir } from './temp-dir.ts';
import { TestDomain } from './test-domain.ts';

export const SERVER_ID = testNodeId(0);

/** What a test may put in the place of the usual. */
export interface FixtureDeps {
  readonly membership?: () => Membership;
  readonly clock?: Clock;
  /** What the server gives to swarms; nothing unless said. */
  readonly giving?: NonNullable<ContentServerDeps['pieces']>;
}

/** One content server over a real cache, and clients of its domain as needed; all on loopback. */
export class ContentFixture implements AsyncDisposable {
  readonly domain: TestDomain;
  readonly cache: CacheFixture;
  readonly server: ContentServer;
  readonly events: NodeEventBody[];
  readonly log = silentLogger;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(
    domain: TestDomain,
    cache: CacheFixture,
    server: ContentServer,
    events: NodeEventBody[],
    cleanup: AsyncDisposableStack,
  ) {
    this.domain = domain;
    this.cache = cache;
    this.server = server;
    this.events = events;
    this.#cleanup = cleanup;
  }

  static async start(options: Partial<ContentServerOptions> & FixtureDeps = {}): Promise<ContentFixture> {
    await using cleanup = new AsyncDisposableStack();
    const dir = cleanup.use(await tempDir());
    const domain = await TestDomain.create();
    const own = await domain.member(SERVER_ID);
    const cache = new CacheFixture(dir.path);
    await cache.open();
    cleanup.defer(() => cache.close());
    const events: NodeEventBody[] = [];
    const { membership = () => own, clock = systemClock, giving, ...rest } = options;
    const emit = (event: NodeEventBody) => void events.push(event);
    const server = await ContentServer.start(
      { cache: cache.cache, membership, clock, log: silentLogger, emit, ...(giving && { pieces: giving }) },
      { host: '127.0.0.1', port: 0, bytesPerSecond: 'unlimited', ...rest },
    );
    cleanup.use(server);
    return new ContentFixture(domain, cache, server, events, cleanup.move());
  }

  /** A client with the identity of the `index`-th test node (not 0, which is the server). */
  async client(index = 1, options: ContentClientOptions = {}): Promise<ContentClient> {
    return this.clientOf(await this.domain.member(testNodeId(index)), options);
  }

  /** A client that shows this membership. */
  clientOf(membership: Membership, options: ContentClientOptions = {}): ContentClient {
    const client = new ContentClient({ membership: () => membership, clock: systemClock, log: silentLogger }, options);
    this.#cleanup.use(client);
    return client;
  }

  /** Where the client finds a record. */
  holder(record: Pick<CacheRecord, 'id' | 'version'>) {
    return { nodeId: SERVER_ID, host: '127.0.0.1', port: this.server.port, record };
  }

  /** The events of one kind, in order. */
  eventsOf<T extends NodeEventBody['type']>(type: T): Extract<NodeEventBody, { type: T }>[] {
    return this.events.filter((event): event is Extract<NodeEventBody, { type: T }> => event.type === type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }
}

import { ConfigCheck, ConfigReportView } from '../api/config-views.ts';
import { Nothing } from '../api/nothing.ts';
import { SwarmList, type SwarmView } from '../api/swarm-views.ts';
import { DiscoverResult, NodeStatus, PeerList, type PeerView, ReloadResult } from '../api/views.ts';
import type { ConfigReport } from '../config/effective.ts';
import type { ConfigProblem } from '../config/problem.ts';
import { NearbitsError } from '../core/errors.ts';
import type { NodeEvent } from '../observe/events.ts';
import type { CallOptions, NodeAccess } from './access.ts';
import { CacheClient } from './cache-client.ts';
import { ApiConnection, type ConnectionOptions } from './connection.ts';
import { openEvents } from './events.ts';
import { jobClient } from './job-client.ts';
import { Jobs } from './jobs.ts';
import { TransferClient } from './transfer-client.ts';

/**
 * Talks to a running node over its local API. Every method throws NearbitsError: the code the node gave, E_NOT_RUNNING
 * when no node answers, or E_CANCELLED when the signal aborts. Nothing is opened before the first call.
 */
export class NearbitsClient implements NodeAccess {
  /** What the node holds for its neighbours. */
  readonly cache: CacheClient;
  /** What the node does for its users: jobs that survive restarts and end when their owner says so. */
  readonly jobs: Jobs;
  /** What the node fetches in one go. */
  readonly transfers: TransferClient;
  readonly #connection: ApiConnection;

  constructor(options: ConnectionOptions = {}) {
    this.#connection = new ApiConnection(options);
    this.cache = new CacheClient(this.#connection);
    this.jobs = new Jobs(jobClient(this.#connection));
    this.transfers = new TransferClient(this.#connection);
  }

  /** The node at a glance. */
  status({ signal }: CallOptions = {}): Promise<NodeStatus> {
    return this.#connection.call({ method: 'GET', path: '/v1/status', answer: NodeStatus, signal });
  }

  /** Whether a node answers. */
  async isRunning(options: CallOptions = {}): Promise<boolean> {
    try {
      await this.status(options);
      return true;
    } catch (error) {
      if (error instanceof NearbitsError && error.code === 'E_NOT_RUNNING') return false;
      throw error;
    }
  }

  /** The neighbours the node knows. */
  async peers({ signal }: CallOptions = {}): Promise<PeerView[]> {
    return (await this.#connection.call({ method: 'GET', path: '/v1/peers', answer: PeerList, signal })).peers;
  }

  /** What the node fetches and gives together with its neighbours now. */
  async swarms({ signal }: CallOptions = {}): Promise<SwarmView[]> {
    return (await this.#connection.call({ method: 'GET', path: '/v1/swarms', answer: SwarmList, signal })).swarms;
  }

  /** Looks for neighbours now, unless a probe went out within the last 10 minutes. */
  discoverPeers({ signal }: CallOptions = {}): Promise<DiscoverResult> {
    return this.#connection.call({ method: 'POST', path: '/v1/peers/discover', answer: DiscoverResult, signal });
  }

  /** Forgets all neighbours and allows a probe at once. */
  async clearPeers({ signal }: CallOptions = {}): Promise<void> {
    await this.#connection.call({ method: 'DELETE', path: '/v1/peers', answer: Nothing, signal });
  }

  /** Every key with its effective value and who set it. */
  config({ signal }: CallOptions = {}): Promise<ConfigReport> {
    return this.#connection.call({ method: 'GET', path: '/v1/config', answer: ConfigReportView, signal });
  }

  /** The mistakes in a configuration text, or in the files of the node when no text is given. */
  async checkConfig(text?: string, { signal }: CallOptions = {}): Promise<ConfigProblem[]> {
    const body = text === undefined ? {} : { text };
    const call = { method: 'POST', path: '/v1/config/check', body, answer: ConfigCheck, signal } as const;
    return (await this.#connection.call(call)).problems;
  }

  /** Lets the node read configuration, policy and membership again. */
  reload({ signal }: CallOptions = {}): Promise<ReloadResult> {
    return this.#connection.call({ method: 'POST', path: '/v1/reload', answer: ReloadResult, signal });
  }

  /** Stops the node gracefully; resolves when it has agreed to. */
  async stop({ signal }: CallOptions = {}): Promise<void> {
    await this.#connection.call({ method: 'POST', path: '/v1/stop', answer: Nothing, signal });
  }

  /** The metrics page, in the text format of Prometheus. */
  metrics({ signal }: CallOptions = {}): Promise<string> {
    return this.#connection.text('/metrics', signal);
  }

  /**
   * Events from now on, until the signal aborts or the loop over them ends. It resolves once the node tells them, so
   * what a caller does next is seen.
   */
  events(signal: AbortSignal): Promise<AsyncIterable<NodeEvent>> {
    return openEvents(this.#connection, {}, signal);
  }

  /** Closes all connections; a running loop over events ends with an error. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

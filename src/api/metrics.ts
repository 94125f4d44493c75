import { Counter, Gauge, Registry } from '@prometheus-io/client';
import type { TransferId } from '../core/ids.ts';
import type { NodeEvent, SwarmMoved } from '../observe/events.ts';
import { ReceivedGrowth } from '../observe/received-growth.ts';
import type { NodeBackend } from './backend.ts';
import type { NodeStatus } from './views.ts';

const SOURCES = ['peer', 'origin', 'cache'] as const;

/**
 * All metrics of the node, in the text format of Prometheus. Counters follow the events; gauges are asked of the node
 * when somebody scrapes. Labels are few and fixed: never a peer, never a URL.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #growth = new ReceivedGrowth();
  readonly #received = this.#counter('received_bytes_total', 'Bytes received for transfers, by source.', ['source']);
  readonly #served = this.#counter('served_bytes_total', 'Bytes served to neighbours from the cache.');
  readonly #serveRefused = this.#counter(
    'serve_refused_total',
    'Requests of neighbours for records that were refused.',
    ['status'],
  );
  readonly #swarmGiven = this.#counter('swarm_given_bytes_total', 'Bytes given to neighbours that fetch the same.');
  readonly #swarmTaken = this.#counter('swarm_taken_bytes_total', 'Bytes taken from neighbours that fetch the same.');
  readonly #swarmAnswered = this.#counter('swarm_answered_total', 'Requests for pieces that were given bytes.');
  readonly #swarmRefused = this.#counter('swarm_refused_total', 'Requests for pieces that were refused.', ['status']);
  readonly #swarmJoined = this.#counter('swarm_joined_total', 'Contents that were fetched or given with neighbours.');
  readonly #swarmBans = this.#counter('swarm_bans_total', 'Neighbours banned from a content for wrong bytes.', [
    'proof',
  ]);
  readonly #transfers = this.#counter('transfers_total', 'Transfers that ended, by result.', ['result']);
  readonly #searches = this.#counter('search_answers_total', 'Answers of neighbours to searches, by status.', [
    'status',
  ]);
  readonly #discovery = this.#counter('discovery_messages_total', 'Discovery messages sent, by kind.', ['message']);
  readonly #damaged = this.#counter('cache_damaged_total', 'Cache records that no longer matched their hashes.');
  readonly #gauges: readonly { readonly gauge: Gauge; readonly read: (status: NodeStatus) => number }[] = [
    this.#gauge('cache_bytes', 'Bytes held in the cache.', (status) => status.cache.bytes),
    this.#gauge('cache_max_bytes', 'Limit of the cache in bytes.', (status) => status.cache.maxBytes),
    this.#gauge('cache_records', 'Records in the cache.', (status) => status.cache.records),
    this.#gauge('peers_known', 'Neighbours in the roster.', (status) => status.peers.known),
    this.#gauge('peers_authenticated', 'Neighbours that proved membership.', (status) => status.peers.authenticated),
    this.#gauge('peers_available', 'Neighbours whose last contact did not fail.', (status) => status.peers.available),
    this.#gauge('transfers_running', 'Transfers that run.', (status) => status.transfers.running),
    this.#gauge('transfers_queued', 'Transfers that wait.', (status) => status.transfers.queued),
    this.#gauge('swarms', 'Contents that are fetched or given with neighbours.', (status) => status.swarms.contents),
    this.#gauge('swarm_partners', 'Neighbours that exchange pieces.', (status) => status.swarms.partners),
    this.#gauge('serving_clients', 'Neighbours being served.', (status) => status.serving.clients),
    this.#gauge('resident_memory_bytes', 'Memory of the process.', (status) => status.rssBytes),
    this.#gauge('start_time_seconds', 'Start of the node in seconds since 1970.', (status) => status.startedMs / 1000),
    this.#gauge(
      'membership_expiry_time_seconds',
      'End of the membership in seconds since 1970; 0 without one.',
      (status) => (status.domain === null ? 0 : status.domain.notAfterMs / 1000),
    ),
  ];

  /** Counts one event. */
  observe(event: NodeEvent): void {
    switch (event.type) {
      case 'transfer.progress':
        this.#countReceived(event);
        break;
      case 'transfer.completed':
        this.#countEnd(event.transferId, event.file, 'completed');
        break;
      case 'transfer.failed':
        this.#countEnd(event.transferId, event.file, event.code === 'E_CANCELLED' ? 'cancelled' : 'failed');
        break;
      case 'serve.finished':
        this.#served.inc(event.bytes);
        break;
      case 'serve.refused':
        this.#serveRefused.inc({ status: String(event.status) });
        break;
      case 'swarm.joined':
        this.#swarmJoined.inc();
        break;
      case 'swarm.moved':
        this.#countMoved(event);
        break;
      case 'swarm.banned':
        this.#swarmBans.inc({ proof: event.proven ? 'yes' : 'no' });
        break;
      case 'search.answered':
        this.#searches.inc({ status: event.status });
        break;
      case 'discovery.sent':
        this.#discovery.inc({ message: event.message });
        break;
      case 'cache.damaged':
        this.#damaged.inc();
        break;
      default:
        break;
    }
  }

  /** The page that Prometheus scrapes, with its media type. */
  async scrape(backend: NodeBackend): Promise<{ readonly text: string; readonly contentType: string }> {
    const status = await backend.status();
    for (const { gauge, read } of this.#gauges) gauge.set(read(status));
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  #countReceived(event: NodeEvent & { type: 'transfer.progress' }): void {
    const grown = this.#growth.of(event);
    for (const source of SOURCES) if (grown[source] > 0) this.#received.inc({ source }, grown[source]);
  }

  #countMoved({ givenBytes, takenBytes, answered, refused }: SwarmMoved): void {
    this.#swarmGiven.inc(givenBytes);
    this.#swarmTaken.inc(takenBytes);
    this.#swarmAnswered.inc(answered);
    for (const [status, count] of Object.entries(refused)) this.#swarmRefused.inc({ status }, count);
  }

  #countEnd(id: TransferId, file: number | null, result: string): void {
    this.#growth.forget(id, file);
    this.#transfers.inc({ result });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter<string> {
    return new Counter({ name: `nearbits_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, read: (status: NodeStatus) => number) {
    return { gauge: new Gauge({ name: `nearbits_${name}`, help, registers: [this.#registry] }), read };
  }
}

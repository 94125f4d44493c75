import { setImmediate } from 'node:timers/promises';
import type { NodeId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { type Random, seededRandom } from '../../../src/core/random.ts';
import { silentLogger } from '../../../src/observe/log.ts';
import { Discovery } from '../../../src/peer/discovery/discovery.ts';
import type { DiscoveryHint } from '../../../src/peer/discovery/seams.ts';
import { Roster } from '../../../src/peer/roster.ts';
import { MemoryTable } from '../memory-table.ts';
import { testNodeId } from '../node-ids.ts';
import { type LanRules, SimulatedLan } from './simulated-lan.ts';

/** A wired office subnet that filters nothing. */
export const WIRED: LanRules = { latencyMs: [0.2, 3], loss: 0, broadcast: true, mdns: true };

const DOMAIN_TAG = new Uint8Array(16).fill(7);

interface RunningNode {
  readonly roster: Roster;
  readonly discovery: Discovery;
}

/**
 * Many nodes on one simulated subnet: the node's own discovery, roster and decisions run on a clock that is moved by
 * hand; only sockets are replaced.
 */
export class SimulatedSubnet {
  readonly clock = new ManualClock();
  readonly lan: SimulatedLan;
  readonly random: Random;
  readonly #nodes = new Map<number, RunningNode>();
  readonly #tables = new Map<number, MemoryTable>();
  #starts = 0;

  constructor(options: { readonly seed: number; readonly rules: LanRules }) {
    this.random = seededRandom(options.seed);
    this.lan = new SimulatedLan({ clock: this.clock, random: this.random }, options.rules);
  }

  /** Starts node `index` with what its last run kept, or with nothing when `forget` is set. */
  async start(index: number, forget = false): Promise<void> {
    const nodeId = testNodeId(index);
    const table = (forget ? undefined : this.#tables.get(index)) ?? new MemoryTable();
    this.#tables.set(index, table);
    const shared = { clock: this.clock, log: silentLogger, emit: () => {} };
    const roster = await Roster.open({ table, ...shared });
    const { port, openMdns, networkInterfaces } = this.lan.station(index, nodeId);
    const self = { nodeId, instance: ++this.#starts, domainTag: DOMAIN_TAG, tcpPort: () => 21_780 };
    const onHint = (hint: DiscoveryHint) => void (hint.nodeId && roster.hint({ ...hint, nodeId: hint.nodeId }));
    const random = seededRandom(index + 1_000 * this.#starts);
    const seams = { port, openMdns, networkInterfaces, resolve: async () => [], random };
    const options = { interfaces: 'all', staticPeers: [], pollMs: 60_000 } as const;
    const discovery = await Discovery.start({ self, roster, onHint, ...seams, ...shared }, options);
    this.#nodes.set(index, { roster, discovery });
  }

  /** Stops node `index`; what its roster keeps stays for the next start. */
  async stop(index: number): Promise<void> {
    const node = this.#nodes.get(index);
    this.#nodes.delete(index);
    await node?.discovery.stop();
    await node?.roster.close();
  }

  /** Stops every node. */
  async stopAll(): Promise<void> {
    for (const index of [...this.#nodes.keys()]) await this.stop(index);
  }

  /** The id of a node. */
  nodeIdOf(index: number): NodeId {
    return testNodeId(index);
  }

  /** The roster of a running node. */
  rosterOf(index: number): Roster {
    const node = this.#nodes.get(index);
    if (node === undefined) throw new Error(`node ${index} does not run`);
    return node.roster;
  }

  /** The discovery of a running node. */
  discoveryOf(index: number): Discovery {
    const node = this.#nodes.get(index);
    if (node === undefined) throw new Error(`node ${index} does not run`);
    return node.discovery;
  }

  /** Lets `ms` pass; what is scheduled with `at` and all timers of the nodes run in order of time. */
  async run(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    for (;;) {
      // Lets what the last timer began (promises included) come to rest before time moves on.
      await setImmediate();
      const leftMs = endMs - this.clock.monotonicMs();
      const nextMs = this.clock.nextTimerInMs();
      if (nextMs === null || nextMs > leftMs) return this.clock.advance(leftMs);
      this.clock.advance(nextMs);
    }
  }

  /** Does `work` in `inMs` milliseconds of simulated time. */
  at(inMs: number, work: () => Promise<void>): void {
    this.clock.after(inMs, () => void work());
  }
}

import type { Clock } from '../core/clock.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { NodeId } from '../core/ids.ts';
import type { EmitEvent } from '../observe/events.ts';
import type { Logger } from '../observe/log.ts';
import { Distrust } from './distrust.ts';
import {
  byPreference,
  isPeerAddress,
  type PeerAddress,
  type PeerVia,
  type RosterEntry,
  type RosterHint,
  type RosterRecord,
  retryDelayMs,
  sameAddress,
  withAddress,
} from './roster-entry.ts';
import { roomForHint, roomForMember } from './roster-room.ts';
import { RosterStore, type RosterTable } from './roster-store.ts';

/** What a roster works with; without a table it forgets everything at the end of the process. */
export interface RosterDeps {
  readonly table: RosterTable | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly emit: EmitEvent;
}

/** Limits of a roster. */
export interface RosterOptions {
  /** Peers kept, 1 to 10,000; default 100, the size of the peer tables of BITS (BPAU). */
  readonly maxEntries?: number;
  /** A peer that failed at least three times and for this long leaves; default 30 minutes. */
  readonly offlineMs?: number;
  /** An address that nothing confirmed for this long is deleted; default 7 days (address scavenger of BPDP). */
  readonly addressAgeMs?: number;
  /** A peer that failed authentication is not taken back for this long, unless it restarts; default 10 minutes. */
  readonly distrustMs?: number;
}

/** Where a peer was reached, when a contact is reported. */
export interface ContactAddress {
  readonly host: string;
  readonly port: number;
  readonly via?: PeerVia;
}

/** Why a peer left the roster; told with the event `peer.removed`. */
export type RemovalReason = 'unauthenticated' | 'offline' | 'expired' | 'replaced' | 'cleared';

interface Slot {
  entry: RosterEntry;
  /** Monotonic times: a failed peer rests until the first; the failures began at the second. */
  retryAtMs: number;
  failingSinceMs: number;
}

const DEFAULTS = { maxEntries: 100, offlineMs: 1_800_000, addressAgeMs: 604_800_000, distrustMs: 600_000 };
const FAILURES_BEFORE_OFFLINE = 3;
/** How long a full roster refuses hints without looking for room again: a storm of them must cost little. */
const LOOK_FOR_ROOM_MS = 5_000;
/** Confirmations closer together than this are not worth a write. */
const WRITE_AGAIN_MS = 3_600_000;

/**
 * The peers this node has heard of, best first. Hints (discovery, static list) come in unproven; only a contact that
 * showed a membership certificate makes a peer authenticated. A peer leaves when it failed authentication, when it
 * stayed offline too long, and when nobody confirmed its address for a week (BITS peer list).
 */
export class Roster {
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  readonly #limits: typeof DEFAULTS;
  readonly #store: RosterStore | null;
  readonly #slots = new Map<NodeId, Slot>();
  readonly #distrusted: Distrust;
  #lastTurnoverMs = 0;
  #noRoomUntilMs = 0;
  #onSubnet: (host: string) => boolean = () => true;

  private constructor(deps: RosterDeps, options: RosterOptions) {
    this.#clock = deps.clock;
    this.#emit = deps.emit;
    this.#limits = { ...DEFAULTS, ...options };
    this.#distrusted = new Distrust(deps, { forMs: this.#limits.distrustMs, maxEntries: this.#limits.maxEntries });
    const { table, log } = deps;
    this.#store = table === null ? null : new RosterStore({ table, log }, (nodeId) => this.#slots.get(nodeId)?.entry);
  }

  /** Opens the roster with the peers of the last run; those are offered at once, but their proofs are checked again. */
  static async open(deps: RosterDeps, options: RosterOptions = {}): Promise<Roster> {
    const roster = new Roster(deps, options);
    for (const record of (await roster.#store?.load()) ?? []) roster.#restore(record);
    roster.sweep();
    return roster;
  }

  /** Number of peers kept. */
  get size(): number {
    return this.#slots.size;
  }

  /**
   * Takes in that a peer may be there; returns whether it is (now) in the roster. Never grows past the limit, never
   * pushes out an authenticated peer, and never takes the working address of a known peer away. A new instance or a
   * new address gives a peer that failed a fresh chance.
   */
  hint(hint: RosterHint): boolean {
    if (!isPeerAddress(hint.host, hint.port) || this.#distrusted.covers(hint.nodeId, hint.instance)) return false;
    const slot = this.#slots.get(hint.nodeId);
    if (slot === undefined) return this.#addHint(hint);
    const restarted = hint.instance !== undefined && hint.instance !== slot.entry.instance;
    const moved = !slot.entry.addresses.some((address) => sameAddress(address, hint));
    if (restarted || moved) slot.retryAtMs = this.#clock.monotonicMs();
    this.#see(slot, hint, false, restarted ? { instance: hint.instance ?? null } : {});
    return true;
  }

  /**
   * Takes in that the peer proved its membership in a contact just now, until `authenticatedUntilMs` (wall clock).
   * An unknown peer enters only with its address, and may take the place of one that was only heard of.
   */
  contacted(nodeId: NodeId, contact: { readonly authenticatedUntilMs: number } & Partial<ContactAddress>): boolean {
    const { authenticatedUntilMs, host, port, via = 'incoming' } = contact;
    const address = host !== undefined && port !== undefined && isPeerAddress(host, port) ? { host, port, via } : null;
    const slot = this.#slots.get(nodeId) ?? this.#addMember(nodeId, address);
    if (slot === null) return false;
    this.#distrusted.delete(nodeId);
    const wasProven = slot.entry.authenticatedUntilMs !== null;
    this.#see(slot, address ?? slot.entry.addresses[0], true, { authenticatedUntilMs, available: true, failures: 0 });
    if (!wasProven) this.#change(slot, { type: 'peer.authenticated', nodeId });
    return true;
  }

  /**
   * Takes in that a contact failed. A failed authentication or a bad certificate removes the peer at once; anything
   * else lets it rest, longer each time, and removes it when it has been offline too long. A busy peer is well, and a
   * contact that we gave up ourselves says nothing.
   */
  failed(nodeId: NodeId, code: ErrorCode): void {
    const slot = this.#slots.get(nodeId);
    if (code === 'E_PEER_BUSY' || code === 'E_CANCELLED') return;
    if (code === 'E_PEER_UNAUTHENTICATED' || code === 'E_CERTIFICATE') {
      this.#distrusted.add(nodeId, slot?.entry.instance ?? null);
      this.#remove(nodeId, 'unauthenticated');
      return;
    }
    if (slot === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    const failures = slot.entry.failures + 1;
    if (failures === 1) slot.failingSinceMs = nowMs;
    slot.retryAtMs = nowMs + retryDelayMs(failures);
    slot.entry = { ...slot.entry, available: false, failures };
    this.#noRoomUntilMs = 0;
    if (this.#isOffline(slot)) this.#remove(nodeId, 'offline');
  }

  /** The peer as it is now, or undefined. */
  get(nodeId: NodeId): RosterEntry | undefined {
    const slot = this.#slots.get(nodeId);
    return slot === undefined ? undefined : this.#current(slot);
  }

  /** Every peer, best first. */
  entries(): RosterEntry[] {
    return [...this.#slots.values()].map((slot) => this.#current(slot)).sort(byPreference);
  }

  /**
   * The peers worth asking now, best first: those with an address on an attached subnet (or given by the static list,
   * or seen on a connection) that are not resting after a failure. Whom to ask is the caller's choice.
   */
  usable(): RosterEntry[] {
    const nowMs = this.#clock.monotonicMs();
    const awake = [...this.#slots.values()].filter((slot) => slot.retryAtMs <= nowMs);
    return awake
      .map((slot) => this.#reachable(this.#current(slot)))
      .filter((entry) => entry.addresses.length > 0)
      .sort(byPreference);
  }

  /** Number of peers that {@link usable} would give, without building the list. */
  countUsable(): number {
    const nowMs = this.#clock.monotonicMs();
    let count = 0;
    for (const { entry, retryAtMs } of this.#slots.values()) {
      if (retryAtMs <= nowMs && entry.addresses.some((address) => this.#isReachable(address))) count++;
    }
    return count;
  }

  /** Sets which hosts lie on a subnet that is attached now; peers elsewhere are kept for the day we return (BPDP). */
  attach(onSubnet: (host: string) => boolean): void {
    this.#onSubnet = onSubnet;
  }

  /** Whether the host lies on a subnet that is attached now. */
  isOnSubnet(host: string): boolean {
    return this.#onSubnet(host);
  }

  /** Whether a peer is known at this host; on which port does not matter. */
  knowsHost(host: string): boolean {
    for (const { entry } of this.#slots.values()) {
      if (entry.addresses.some((address) => address.host === host)) return true;
    }
    return false;
  }

  /** Where the peer can be reached now, best first; nothing for a stranger. */
  addressesOf(nodeId: NodeId): readonly PeerAddress[] {
    const entry = this.#slots.get(nodeId)?.entry;
    return entry === undefined ? [] : this.#reachable(entry).addresses;
  }

  /** Forgets addresses that are too old, peers without an address, proofs that ran out and peers offline too long; call it every minute or so. */
  sweep(): void {
    const oldestMs = this.#clock.wallMs() - this.#limits.addressAgeMs;
    for (const [nodeId, slot] of this.#slots) {
      slot.entry = this.#current(slot);
      const { addresses } = slot.entry;
      if (this.#isOffline(slot)) this.#remove(nodeId, 'offline');
      else if (addresses.some(({ lastSeenMs }) => lastSeenMs < oldestMs)) this.#expire(slot, oldestMs);
    }
  }

  /** Forgets every peer, also the distrusted ones (BITS ClearPeers). */
  clear(): void {
    for (const nodeId of [...this.#slots.keys()]) this.#remove(nodeId, 'cleared');
    this.#distrusted.clear();
  }

  /**
   * Takes hints about every peer again. For when this node's own membership changed: a peer that refused it, or whose
   * chain did not lead to the old CA, may get along with the new one.
   */
  forgive(): void {
    this.#distrusted.clear();
  }

  /** Resolves when every change so far is in the store. */
  async close(): Promise<void> {
    await this.#store?.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // A clock that was set back leaves times in the future; they are read as "now", so that they age again.
  #restore(record: RosterRecord): void {
    if (this.#slots.size >= this.#limits.maxEntries) {
      this.#store?.changed(record.nodeId);
      return;
    }
    const nowMs = this.#clock.wallMs();
    const past = (ms: number) => Math.min(ms, nowMs);
    const addresses = record.addresses.map((address) => ({ ...address, lastSeenMs: past(address.lastSeenMs) }));
    const times = { firstSeenMs: past(record.firstSeenMs), lastSeenMs: past(record.lastSeenMs) };
    const entry: RosterEntry = { ...record, ...times, addresses, available: true, failures: 0 };
    this.#slots.set(record.nodeId, { entry, retryAtMs: 0, failingSinceMs: 0 });
  }

  #addHint(hint: RosterHint): boolean {
    if (this.#slots.size >= this.#limits.maxEntries) {
      if (this.#clock.monotonicMs() < this.#noRoomUntilMs) return false;
      const nowMs = this.#clock.wallMs();
      const victim = roomForHint(this.#rawEntries(), nowMs, this.#lastTurnoverMs);
      if (victim === null) {
        this.#noRoomUntilMs = this.#clock.monotonicMs() + LOOK_FOR_ROOM_MS;
        return false;
      }
      if (victim.available) this.#lastTurnoverMs = nowMs;
      this.#remove(victim.nodeId, 'replaced');
    }
    this.#add(hint.nodeId, hint, hint.instance ?? null);
    return true;
  }

  #addMember(nodeId: NodeId, address: Required<ContactAddress> | null): Slot | null {
    if (address === null) return null;
    if (this.#slots.size >= this.#limits.maxEntries) {
      const victim = roomForMember(this.#rawEntries());
      if (victim === null) return null;
      this.#remove(victim.nodeId, 'replaced');
    }
    return this.#add(nodeId, address, null);
  }

  #add(
    nodeId: NodeId,
    { host, port, via }: { host: string; port: number; via: PeerVia },
    instance: number | null,
  ): Slot {
    const nowMs = this.#clock.wallMs();
    const addresses: PeerAddress[] = [{ host, port, via, lastSeenMs: nowMs }];
    const times = { firstSeenMs: nowMs, lastSeenMs: nowMs };
    const state = { authenticatedUntilMs: null, available: true, failures: 0 };
    const slot: Slot = { entry: { nodeId, addresses, instance, ...state, ...times }, retryAtMs: 0, failingSinceMs: 0 };
    this.#slots.set(nodeId, slot);
    this.#change(slot, { type: 'peer.added', nodeId, via });
    return slot;
  }

  // Confirms an address. Only what a restart would miss is written: something new, or a confirmation after an hour.
  #see(
    slot: Slot,
    address: { host: string; port: number; via: PeerVia } | undefined,
    proven: boolean,
    changes: Partial<RosterEntry>,
  ): void {
    const nowMs = this.#clock.wallMs();
    const before = slot.entry;
    const seen = address && { host: address.host, port: address.port, via: address.via, lastSeenMs: nowMs };
    const addresses = seen ? withAddress(before.addresses, seen, proven) : before.addresses;
    slot.entry = { ...before, ...changes, addresses, lastSeenMs: nowMs };
    if (proven) slot.retryAtMs = 0;
    const known = seen !== undefined && before.addresses.some((other) => sameAddress(other, seen));
    const told = changes.instance === undefined && changes.authenticatedUntilMs === before.authenticatedUntilMs;
    if (!known || !told || nowMs - before.lastSeenMs >= WRITE_AGAIN_MS) this.#store?.changed(before.nodeId);
  }

  #change(slot: Slot, event: Parameters<EmitEvent>[0] | null, changes: Partial<RosterEntry> = {}): void {
    slot.entry = { ...slot.entry, ...changes };
    this.#store?.changed(slot.entry.nodeId);
    if (event !== null) this.#emit(event);
  }

  #expire(slot: Slot, oldestMs: number): void {
    const addresses = slot.entry.addresses.filter((address) => address.lastSeenMs >= oldestMs);
    if (addresses.length === 0) this.#remove(slot.entry.nodeId, 'expired');
    else this.#change(slot, null, { addresses });
  }

  #remove(nodeId: NodeId, reason: RemovalReason): void {
    if (!this.#slots.delete(nodeId)) return;
    this.#store?.changed(nodeId);
    this.#emit({ type: 'peer.removed', nodeId, reason });
  }

  #isOffline({ entry, failingSinceMs }: Slot): boolean {
    if (entry.failures < FAILURES_BEFORE_OFFLINE) return false;
    return this.#clock.monotonicMs() - failingSinceMs >= this.#limits.offlineMs;
  }

  // A proof that has run out counts for nothing, also before the next sweep.
  #current({ entry }: Slot): RosterEntry {
    const expired = entry.authenticatedUntilMs !== null && entry.authenticatedUntilMs <= this.#clock.wallMs();
    return expired ? { ...entry, authenticatedUntilMs: null } : entry;
  }

  #reachable(entry: RosterEntry): RosterEntry {
    const addresses = entry.addresses.filter((address) => this.#isReachable(address));
    return addresses.length === entry.addresses.length ? entry : { ...entry, addresses };
  }

  #isReachable({ host, via }: PeerAddress): boolean {
    return via === 'static' || via === 'incoming' || this.#onSubnet(host);
  }

  *#rawEntries(): Iterable<RosterEntry> {
    for (const slot of this.#slots.values()) yield this.#current(slot);
  }
}

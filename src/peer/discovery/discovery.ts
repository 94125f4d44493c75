import type { Clock, Timer } from '../../core/clock.ts';
import { isAbortError } from '../../core/errors.ts';
import type { ContentId } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import type { EmitEvent } from '../../observe/events.ts';
import type { Logger } from '../../observe/log.ts';
import type { Roster } from '../roster.ts';
import { Announcer, type DropReason, type Self } from './announcer.ts';
import { Answers } from './answers.ts';
import { isDiscoveryDue, suppressedForMs, WANTED_PEERS } from './decisions.ts';
import type { InterfaceChoice, LanInterface, MachineInterfaces } from './interfaces.ts';
import { MdnsMember } from './mdns-member.ts';
import type { DatagramPort, DiscoveryHint, Mdns, MdnsListener, OnInterest } from './seams.ts';
import { type ResolveHost, StaticList, type StaticPeer } from './static-peers.ts';
import { Subnets } from './subnets.ts';

/** What discovery works with. */
export interface DiscoveryDeps {
  readonly self: Self;
  /** Read for how many peers are known and usable, told which subnets are attached, and swept. */
  readonly roster: Roster;
  /** Told every hint, also one that repeats what is known. */
  readonly onHint: (hint: DiscoveryHint) => void;
  /** Told every interest of others, after the hint that it also is. */
  readonly onInterest?: OnInterest;
  /** Null: no datagrams. */
  readonly port: DatagramPort | null;
  /** Null: no mDNS. */
  readonly openMdns: ((listener: MdnsListener) => Mdns) | null;
  readonly networkInterfaces: () => MachineInterfaces;
  readonly resolve: ResolveHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly emit: EmitEvent;
}

/** What an administrator can choose. */
export interface DiscoveryOptions {
  readonly interfaces: InterfaceChoice;
  readonly staticPeers: readonly StaticPeer[];
  /** Usable peers below which discovery begins by itself; default 10. */
  readonly wantedPeers?: number;
  /** How often interfaces and the need for peers are looked at, in milliseconds; default 15,000. */
  readonly pollMs?: number;
}

/** What came of asking for a discovery. */
export interface DiscoverOutcome {
  /** False: the last one is too recent, nothing was sent. */
  readonly started: boolean;
  /** Milliseconds until asking makes sense again; 0 when one was started. */
  readonly suppressedForMs: number;
}

/** What discovery is doing, for people. */
export interface DiscoveryStatus {
  /** Interfaces in use: those datagrams go out on, or with datagrams off those whose peers are taken in. */
  readonly interfaces: readonly LanInterface[];
  /** Chosen names and addresses that the machine does not have now. */
  readonly missing: readonly string[];
  readonly datagrams: 'on' | 'off';
  /** mDNS cannot be held to certain interfaces: `restricted` means it is off because some were chosen. */
  readonly mdns: 'on' | 'off' | 'restricted';
  readonly suppressedForMs: number;
  /** Datagrams that were not taken in, by reason, since the start. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
}

const POLL_MS = 15_000;
// A node that joins a subnet listens a little first: its Hello and its mDNS question may bring enough peers by themselves.
const SETTLE_MS = 1_500;
// The first answers to a Probe come within a fraction of a second; silence after 1 s means that it was lost, or nobody is there.
const REPEAT_AFTER_MS = 1_000;
const LISTEN_MS = 1_500;
const MDNS_LISTEN_MS = 2_500;
const TELL_STATIC_MS = 600_000;

/**
 * Finds peers on the attached subnets. When it starts, and on each subnet attached later, it says Hello once and asks
 * mDNS once. While the roster has too few usable peers it holds a discovery now and then: a Probe; a second one when
 * nobody answered; mDNS when peers are still missing. Questions of others are answered by the rule in `decisions.ts`.
 * All it finds are hints. It never says Bye and believes none (BPDP: a forged Bye would remove peers).
 */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #options: DiscoveryOptions;
  readonly #subnets: Subnets;
  readonly #answers: Answers;
  readonly #announcer: Announcer | null;
  readonly #mdns: MdnsMember | null;
  readonly #static: StaticList;
  readonly #stopping = new AbortController();
  #interfaces: readonly LanInterface[] = [];
  #timer: Timer | null = null;
  #polling: Promise<void> = Promise.resolve();
  #round: Promise<void> | null = null;
  #lastBeganMs: number | null = null;
  #fruitless = 0;
  #toldStaticMs = Number.NEGATIVE_INFINITY;

  private constructor(deps: DiscoveryDeps, options: DiscoveryOptions) {
    this.#deps = deps;
    this.#options = options;
    const { self, roster, clock, random, emit, onHint, onInterest = () => undefined, port, openMdns } = deps;
    this.#subnets = new Subnets(deps, { choice: options.interfaces });
    const answers = new Answers({ clock, random, peersKnown: () => roster.size });
    this.#answers = answers;
    this.#announcer = port && new Announcer({ self, port, answers, clock, emit, onHint, onInterest });
    const onSubnet = (host: string) => this.#subnets.holds(host);
    const mdnsDeps = { nodeId: self.nodeId, answers, clock, emit, onHint, onSubnet };
    const mayUseMdns = openMdns !== null && options.interfaces === 'all';
    this.#mdns = mayUseMdns ? new MdnsMember({ ...mdnsDeps, open: openMdns }) : null;
    this.#static = new StaticList(deps, { peers: options.staticPeers.filter((peer) => peer.nodeId !== self.nodeId) });
  }

  /** Starts; resolves when the first Hello is on its way. */
  static async start(deps: DiscoveryDeps, options: DiscoveryOptions): Promise<Discovery> {
    const discovery = new Discovery(deps, options);
    await discovery.#poll();
    return discovery;
  }

  /**
   * Holds a discovery now, unless the last one began within ten minutes, and resolves when it is over (about five
   * seconds). Peers enter the roster as they answer. For a search that found too few peers, and for administrators.
   * @throws the signal's reason when it aborts; the discovery goes on.
   */
  async discover(signal: AbortSignal): Promise<DiscoverOutcome> {
    signal.throwIfAborted();
    const suppressedMs = suppressedForMs(this.#lastBeganMs, this.#deps.clock.monotonicMs());
    if (this.#round === null && suppressedMs > 0) return { started: false, suppressedForMs: suppressedMs };
    await untilAborted(this.#begin(), signal);
    return { started: true, suppressedForMs: 0 };
  }

  /**
   * Tells the subnets that this node wants or has a content. Returns whether that reaches anybody, as far as is known:
   * not where datagrams are off, no interface works, or no other node was ever heard.
   */
  tellInterest(contentId: ContentId): boolean {
    return this.#announcer?.interest(contentId) ?? false;
  }

  /** Lets the next discovery begin at once; goes with clearing the roster (BITS ClearPeers). */
  liftSuppression(): void {
    this.#lastBeganMs = null;
    this.#fruitless = 0;
  }

  /** What discovery is doing now. */
  status(): DiscoveryStatus {
    const mdnsOff = this.#deps.openMdns === null ? 'off' : 'restricted';
    return {
      interfaces: this.#interfaces,
      missing: this.#subnets.missing,
      datagrams: this.#announcer === null ? 'off' : 'on',
      mdns: this.#mdns === null ? mdnsOff : 'on',
      suppressedForMs: suppressedForMs(this.#lastBeganMs, this.#deps.clock.monotonicMs()),
      dropped: { ...this.#announcer?.dropped },
    };
  }

  /** Stops and closes every socket; may be called twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    await this.#polling;
    await this.#round;
    this.#answers.clear();
    await Promise.all([this.#announcer?.close(), this.#mdns?.stop()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #poll(): Promise<void> {
    this.#polling = this.#lookAround()
      .catch((error) => this.#failed(error))
      .then((nextMs) => this.#pollAgain(nextMs ?? POLL_MS));
    return this.#polling;
  }

  #pollAgain(inMs: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = this.#deps.clock.after(inMs, () => void this.#poll());
  }

  // 1. Follow the interfaces. 2. Greet new subnets. 3. Tell static peers. 4. Begin a discovery when one is due.
  async #lookAround(): Promise<number> {
    const { roster, random } = this.#deps;
    const changed = this.#subnets.look();
    roster.attach((host) => this.#subnets.holds(host));
    this.#interfaces = (await this.#announcer?.listen(this.#subnets.chosen)) ?? this.#subnets.chosen;
    const fresh = this.#subnets.takeNew(this.#interfaces);
    for (const lan of fresh) this.#announcer?.hello(lan);
    await this.#mdns?.follow(changed);
    this.#tellStatic(changed);
    roster.sweep();
    if (fresh.length > 0) {
      this.liftSuppression();
      return SETTLE_MS * (1 + random());
    }
    if (this.#isDue()) void this.#begin();
    return this.#options.pollMs ?? POLL_MS;
  }

  #tellStatic(changed: boolean): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (!changed && nowMs - this.#toldStaticMs < TELL_STATIC_MS) return;
    this.#toldStaticMs = nowMs;
    void this.#static.tell();
  }

  #isDue(): boolean {
    const { roster, clock } = this.#deps;
    const past = { lastBeganMs: this.#lastBeganMs, fruitless: this.#fruitless };
    const wanted = this.#options.wantedPeers ?? WANTED_PEERS;
    return isDiscoveryDue({ usable: () => roster.countUsable(), wanted, ...past }, clock.monotonicMs());
  }

  #hasTooFew(): boolean {
    return this.#deps.roster.countUsable() < (this.#options.wantedPeers ?? WANTED_PEERS);
  }

  #begin(): Promise<void> {
    this.#round ??= this.#hold()
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#round = null;
      });
    return this.#round;
  }

  async #hold(): Promise<void> {
    const { roster, clock } = this.#deps;
    const knownBefore = roster.countUsable();
    this.#lastBeganMs = clock.monotonicMs();
    if (this.#announcer !== null) await this.#probe(this.#announcer);
    if (this.#mdns !== null && this.#hasTooFew()) {
      await this.#mdns.ask();
      await clock.sleep(MDNS_LISTEN_MS, this.#stopping.signal);
    }
    this.#fruitless = roster.countUsable() > knownBefore ? 0 : this.#fruitless + 1;
  }

  async #probe(announcer: Announcer): Promise<void> {
    const { clock } = this.#deps;
    announcer.forgetMatches();
    announcer.probe();
    await clock.sleep(REPEAT_AFTER_MS, this.#stopping.signal);
    if (announcer.matches === 0) announcer.probe();
    await clock.sleep(LISTEN_MS, this.#stopping.signal);
  }

  #failed(error: unknown): void {
    if (this.#stopping.signal.aborted && isAbortError(error)) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn({ err: error }, 'discovery failed; it goes on');
    this.#deps.emit({ type: 'discovery.failed', message });
  }
}

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

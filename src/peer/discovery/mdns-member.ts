import type { Clock } from '../../core/clock.ts';
import type { NodeId } from '../../core/ids.ts';
import type { EmitEvent } from '../../observe/events.ts';
import type { Answers } from './answers.ts';
import type { DiscoveryHint, Mdns, MdnsListener } from './seams.ts';

/** What an {@link MdnsMember} works with. */
export interface MdnsMemberDeps {
  readonly nodeId: NodeId;
  readonly open: (listener: MdnsListener) => Mdns;
  readonly answers: Answers;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly onHint: (hint: DiscoveryHint) => void;
  /** Whether a host lies on an attached subnet; other addresses a peer tells are dropped (BPDP discards such XAddrs). */
  readonly onSubnet: (host: string) => boolean;
}

// Every question on mDNS counts as the same one: an answer is heard by all who asked just now.
const QUESTION = 'mdns';
const MIN_REJOIN_MS = 60_000;

/**
 * This node's part in mDNS. It asks when it joins and while it needs peers, and it answers its own question at once:
 * on a subnet that filters broadcast this takes the place of the Hello. Questions of others go to {@link Answers}.
 */
export class MdnsMember {
  readonly #deps: MdnsMemberDeps;
  readonly #mdns: Mdns;
  #lastAskedMs = Number.NEGATIVE_INFINITY;
  #stale = false;
  #tellOfUs = false;

  constructor(deps: MdnsMemberDeps) {
    this.#deps = deps;
    this.#mdns = deps.open({ asked: (answer) => this.#asked(answer), found: (...peer) => this.#found(...peer) });
  }

  /** Asks once for peers, and joins the group on the interfaces that are there now. */
  async ask(): Promise<void> {
    this.#stale = false;
    this.#lastAskedMs = this.#deps.clock.monotonicMs();
    this.#tellOfUs = true;
    this.#deps.emit({ type: 'discovery.sent', message: 'mdns' });
    await this.#mdns.ask();
  }

  /** Joins the group anew when the interfaces changed since the last time, at most once a minute. */
  async follow(interfacesChanged: boolean): Promise<void> {
    this.#stale ||= interfacesChanged;
    if (this.#stale && this.#deps.clock.monotonicMs() - this.#lastAskedMs >= MIN_REJOIN_MS) await this.ask();
  }

  /** Leaves the group. */
  async stop(): Promise<void> {
    await this.#mdns.stop();
  }

  #asked(answer: () => void): void {
    if (this.#tellOfUs) this.#answer(answer);
    else this.#deps.answers.consider(QUESTION, () => this.#answer(answer));
    this.#tellOfUs = false;
  }

  #answer(answer: () => void): void {
    this.#deps.emit({ type: 'discovery.sent', message: 'mdns' });
    answer();
  }

  #found(nodeId: NodeId, addresses: readonly { readonly host: string; readonly port: number }[]): void {
    if (nodeId === this.#deps.nodeId) return;
    this.#deps.answers.heard(QUESTION, nodeId);
    for (const { host, port } of addresses) {
      if (this.#deps.onSubnet(host)) this.#deps.onHint({ nodeId, host, port, via: 'mdns' });
    }
  }
}

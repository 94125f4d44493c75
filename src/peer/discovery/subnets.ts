import type { Clock } from '../../core/clock.ts';
import { SUPPRESSION_MS } from './decisions.ts';
import {
  chooseInterfaces,
  type InterfaceChoice,
  interfaceState,
  isOnSubnet,
  type LanInterface,
  type MachineInterfaces,
  missingInterfaces,
} from './interfaces.ts';

/** What a {@link Subnets} works with. */
export interface SubnetsDeps {
  readonly networkInterfaces: () => MachineInterfaces;
  readonly clock: Clock;
}

/** Follows which of the chosen interfaces the machine has. */
export class Subnets {
  readonly #deps: SubnetsDeps;
  readonly #choice: InterfaceChoice;
  readonly #attachedMs = new Map<string, number>();
  #state = '';
  #chosen: readonly LanInterface[] = [];
  #missing: readonly string[] = [];

  constructor(deps: SubnetsDeps, options: { readonly choice: InterfaceChoice }) {
    this.#deps = deps;
    this.#choice = options.choice;
  }

  /** The interfaces to use, as of the last look. */
  get chosen(): readonly LanInterface[] {
    return this.#chosen;
  }

  /** The entries of the choice that the machine did not have at the last look. */
  get missing(): readonly string[] {
    return this.#missing;
  }

  /** Looks at the machine; returns whether its interfaces are other ones than at the last look. */
  look(): boolean {
    const machine = this.#deps.networkInterfaces();
    this.#chosen = chooseInterfaces(machine, this.#choice);
    this.#missing = missingInterfaces(machine, this.#choice);
    const before = this.#state;
    this.#state = interfaceState(machine);
    return this.#state !== before;
  }

  /** Whether the host lies on a subnet in use. */
  holds(host: string): boolean {
    return this.#chosen.some((lan) => isOnSubnet(lan, host));
  }

  /**
   * Those of the working interfaces that are new to us: not there, or away for more than ten minutes. One that was away
   * for a moment is not new, since nobody on its subnet has forgotten this node.
   */
  takeNew(working: readonly LanInterface[]): LanInterface[] {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const [key, atMs] of this.#attachedMs) if (nowMs - atMs >= SUPPRESSION_MS) this.#attachedMs.delete(key);
    const fresh = working.filter((lan) => !this.#attachedMs.has(keyOf(lan)));
    for (const lan of working) this.#attachedMs.set(keyOf(lan), nowMs);
    return fresh;
  }
}

function keyOf(lan: LanInterface): string {
  return `${lan.address} ${lan.mask}`;
}

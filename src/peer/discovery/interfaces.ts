import { isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';

/** The machine's interfaces by name, as `os.networkInterfaces()` gives them. */
export type MachineInterfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Which interfaces discovery uses: every IPv4 one that is not loopback, or those named (name or own address). */
export type InterfaceChoice = 'all' | readonly string[];

/** One IPv4 address of the machine with its subnet: where discovery sends and listens. */
export interface LanInterface {
  readonly name: string;
  /** The machine's own address on the subnet. */
  readonly address: string;
  /** The subnet's broadcast address. */
  readonly broadcast: string;
  /** The subnet's address and mask as unsigned 32-bit numbers. */
  readonly network: number;
  readonly mask: number;
}

/**
 * The interfaces to use of those the machine has now, one per subnet (two cards on one subnet would say everything
 * twice). Point-to-point links have no broadcast address and are left out. IPv4 only: IPv6 has no broadcast, and peers
 * that can only be reached over it come from the static list.
 */
export function chooseInterfaces(machine: MachineInterfaces, choice: InterfaceChoice): LanInterface[] {
  const bySubnet = new Map<string, LanInterface>();
  for (const [name, infos] of Object.entries(machine)) {
    for (const info of infos ?? []) {
      if (info.family !== 'IPv4' || !isChosen(name, info, choice)) continue;
      const lan = toLanInterface(name, info);
      if (lan !== null && !bySubnet.has(lan.broadcast)) bySubnet.set(lan.broadcast, lan);
    }
  }
  return [...bySubnet.values()];
}

/** The entries of the choice that name nothing the machine has now; they are looked for again later. */
export function missingInterfaces(machine: MachineInterfaces, choice: InterfaceChoice): string[] {
  if (choice === 'all') return [];
  const present = new Set<string>();
  for (const [name, infos] of Object.entries(machine)) {
    const addresses = (infos ?? []).filter((info) => info.family === 'IPv4').map((info) => info.address);
    if (addresses.length > 0) present.add(name);
    for (const address of addresses) present.add(address);
  }
  return choice.filter((wanted) => !present.has(wanted));
}

/**
 * A text that changes when the machine's IPv4 interfaces do: also when one was replaced by another of the same name and
 * address, as far as its index shows (given with its IPv6 link-local address) or its MAC address does.
 */
export function interfaceState(machine: MachineInterfaces): string {
  const parts: string[] = [];
  for (const [name, infos] of Object.entries(machine)) {
    for (const info of infos ?? []) {
      const index = info.family === 'IPv6' ? info.scopeid : '';
      if (info.family === 'IPv4' || index !== 0)
        parts.push(`${name} ${info.address} ${info.netmask} ${info.mac} ${index}`);
    }
  }
  return parts.sort().join('\n');
}

/** Whether the IPv4 address lies on the interface's subnet; its network and broadcast addresses do not count. */
export function isOnSubnet(lan: LanInterface, host: string): boolean {
  const address = toNumber(host);
  if (address === null || host === lan.broadcast || address === lan.network) return false;
  return (address & lan.mask) >>> 0 === lan.network;
}

function isChosen(name: string, info: NetworkInterfaceInfo, choice: InterfaceChoice): boolean {
  return choice === 'all' ? !info.internal : choice.includes(name) || choice.includes(info.address);
}

function toLanInterface(name: string, info: NetworkInterfaceInfo): LanInterface | null {
  const address = toNumber(info.address);
  const mask = toNumber(info.netmask);
  // A /31 or /32 has no address left for a broadcast (RFC 3021).
  if (address === null || mask === null || mask >= 0xfffffffe) return null;
  const network = (address & mask) >>> 0;
  return { name, address: info.address, broadcast: toText((network | ~mask) >>> 0), network, mask };
}

function toNumber(text: string): number | null {
  if (!isIPv4(text)) return null;
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

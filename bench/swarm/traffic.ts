import { type LanMachine, runOn } from './namespaces.ts';

/** What a machine received, in bytes with the headers of IP and above; large packets count one header for many. */
export interface Traffic {
  /** Messages between nodes: libp2p and discovery. */
  readonly control: number;
  /** From content servers, and what was asked of them. */
  readonly content: number;
}

// The ports that nodes use unless they are told otherwise.
const RULES = [
  { kind: 'control', match: ['-p', 'tcp', '--dport', '21780'] },
  { kind: 'control', match: ['-p', 'tcp', '--sport', '21780'] },
  { kind: 'control', match: ['-p', 'udp', '--dport', '21782'] },
  { kind: 'content', match: ['-p', 'tcp', '--dport', '21781'] },
  { kind: 'content', match: ['-p', 'tcp', '--sport', '21781'] },
] as const;

/** Counts what the machine receives from now on; false when nothing here can count. */
export async function countTraffic(machine: LanMachine): Promise<boolean> {
  try {
    for (const { match } of RULES) await runOn(machine, 'iptables', '-w', '-A', 'INPUT', ...match);
    return true;
  } catch {
    return false;
  }
}

/** What the machine received since {@link countTraffic}. */
export async function trafficOf(machine: LanMachine): Promise<Traffic> {
  const lines = (await runOn(machine, 'iptables', '-w', '-nvxL', 'INPUT')).trim().split('\n').slice(2);
  const sum = { control: 0, content: 0 };
  for (const [index, line] of lines.entries()) {
    const rule = RULES[index];
    if (rule !== undefined) sum[rule.kind] += Number(line.trim().split(/\s+/)[1]);
  }
  return sum;
}

import { printBytes, printDuration } from '../src/core/units.ts';
import type { NodeResult } from './fetch-on.ts';

const WIDTH = 24;

/** One line for each node: where its bytes came from, how long it took, whether the digest is right. */
export function table(
  file: { size: number; sha256: string },
  nodes: readonly (NodeResult & { sha256: string })[],
): string {
  const rows = nodes.map((node) => [
    node.name,
    printBytes(node.bytesFromOrigin),
    printBytes(node.bytesFromPeers),
    printDuration(node.ms),
    node.sha256 === file.sha256 ? 'right' : 'WRONG',
  ]);
  const all = [['node', 'from origin', 'from neighbours', 'time', 'sha256'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => (row[column] as string).length))) ?? [];
  const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] as number)).join('   '));
  return `\n${printBytes(file.size)} each\n\n${lines.join('\n')}\n`;
}

/** Who gave what to whom, as bars. */
export function picture(nodes: readonly NodeResult[]): string {
  const names = new Map<string, string>([
    ['origin', 'origin'],
    ...nodes.map((node) => [node.nodeId, `node ${node.name}`] as const),
  ]);
  const gifts = nodes.flatMap((node) =>
    [...node.givers].map(([giver, bytes]) => ({ from: names.get(giver) ?? giver, to: node.name, bytes })),
  );
  const most = Math.max(...gifts.map((gift) => gift.bytes));
  const lines = gifts.map(({ from, to, bytes }) => {
    const bar = '='.repeat(Math.max(1, Math.round((bytes / most) * WIDTH)));
    return `${from.padStart(8)} ${`${bar}>`.padEnd(WIDTH + 1)} node ${to}  ${printBytes(bytes)}`;
  });
  return `${lines.join('\n')}\n`;
}

import type { Finisher } from './race.ts';

/** Whether a node's trace says that it takes nothing from the other any more because it gave wrong bytes. */
export function bannedBy({ trace }: Finisher, nodeId: string): boolean {
  return trace.some(({ code, data }) => /BAN|BAD_PIECE/.test(code) && JSON.stringify(data).includes(nodeId));
}

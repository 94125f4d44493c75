import type { NodeId } from '../core/ids.ts';
import { printBytes } from '../core/units.ts';

/** Of whom came how much, when a file that was fetched together is here. */
export interface SwarmSums {
  readonly origin: number;
  readonly peer: number;
  /** Bytes that each neighbour gave, good or not. */
  readonly givers: ReadonlyMap<NodeId, number>;
  /** Bytes that neighbours were given so far. */
  readonly given: number;
  /** Whether any neighbour took part. */
  readonly hasMet: boolean;
}

/** So many givers are named, those that gave most. */
const MAX_NAMED = 5;

/** How a file is fetched together: for the trace. */
export function togetherText(pieces: number | null): string {
  const how =
    pieces === null
      ? 'only the whole of it can be proven, so one node fetches it and passes it on when it is complete and accepted'
      : `each of its ${pieces} pieces can be proven, so they are passed on as they arrive`;
  return `fetching together with the neighbours that want it too: ${how}`;
}

/** Who gave how much, or why nobody else did: for the trace. */
export function sumsText({ origin, peer, givers, given, hasMet }: SwarmSums): string {
  const fromOrigin = origin === 0 ? 'nothing came from the origin' : `${printBytes(origin)} came from the origin`;
  const onward = given === 0 ? '' : `; ${printBytes(given)} went on to neighbours so far`;
  if (peer > 0) return `${fromOrigin}, ${printBytes(peer)} from neighbours (${giversText(givers)})${onward}`;
  if (hasMet) return `${fromOrigin}, on behalf of neighbours that want it too${onward}`;
  return `${fromOrigin}: no neighbour had it, or wanted it at the same time`;
}

/** `7 MiB from 12D3..., 1 MiB from 12D3... and 3 MiB from 4 others` */
function giversText(givers: ReadonlyMap<NodeId, number>): string {
  const all = [...givers].filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a);
  const named = all.slice(0, MAX_NAMED).map(([nodeId, bytes]) => `${printBytes(bytes)} from ${nodeId}`);
  const others = all.slice(MAX_NAMED);
  if (others.length === 0) return named.join(', ');
  const rest = others.reduce((sum, [, bytes]) => sum + bytes, 0);
  return `${named.join(', ')} and ${printBytes(rest)} from ${others.length} more`;
}

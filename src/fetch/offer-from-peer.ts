import { RangeSet } from '../core/range-set.ts';
import { printBytes } from '../core/units.ts';
import type { PeerAnswer } from '../peer/search-types.ts';
import type { Agreement, Wanted } from '../plan/agree.ts';
import type { Offer } from '../transfer/active-source.ts';
import type { Note } from '../transfer/trace.ts';
import type { Neighbours } from './deps.ts';

/** What a neighbour's answer is good for: its most useful record as a source, or null. Notes the reason either way. */
export function offerFromPeer(
  answer: PeerAnswer,
  wanted: Wanted,
  agreement: Agreement,
  neighbours: Neighbours,
  note: Note,
): Offer | null {
  const base = { peer: answer.nodeId, status: answer.status, ms: Math.round(answer.elapsedMs) };
  if (answer.status !== 'found') {
    note('PEER_ANSWER', `${answer.nodeId}: ${answer.error?.message ?? answer.status}`, {
      ...base,
      code: answer.error?.code ?? null,
    });
    return null;
  }
  let refusal = 'nothing-wanted';
  for (const record of byUse(answer, wanted)) {
    const pieces = agreement.consider(record, wanted);
    if (typeof pieces === 'string') {
      refusal = pieces;
      continue;
    }
    const offers = RangeSet.of(...pieces);
    const given = record.inline?.byteLength ?? 0;
    const how = given > 0 ? ' and gave it together with its answer' : '';
    note('PEER_ANSWER', `${answer.nodeId} holds ${printBytes(offers.size)}${how}`, {
      ...base,
      bytes: offers.size,
      given,
      freeSlots: answer.freeSlots,
    });
    return { source: neighbours.source(answer, record), offers, pieces };
  }
  note('PEER_ANSWER', `${answer.nodeId} holds nothing that can be used (${refusal})`, { ...base, refusal });
  return null;
}

function byUse(answer: PeerAnswer, wanted: Wanted): PeerAnswer['records'] {
  const use = new Map(answer.records.map((record) => [record, record.ranges.intersect(wanted.ranges).size]));
  return [...answer.records].sort((a, b) => (use.get(b) ?? 0) - (use.get(a) ?? 0));
}

/**
 * Rendezvous hashing (highest random weight): every node gives every pair of node and thing the same number, and the
 * highest one has the thing. Nothing needs to be agreed, and a node that goes moves only what was its own.
 */

/** What a node has in common with a content: 32 bits, the same on every machine. Computed once for each member. */
export function memberSeed(contentId: string, nodeId: string): number {
  let hash = 0x811c9dc5;
  for (const text of [contentId, '\n', nodeId]) {
    // FNV-1a: short, and well mixed with the finisher below.
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}

/** The weight of a member for one run of pieces, an integer below 2^32. */
export function weightOf(seed: number, run: number): number {
  return mix(seed ^ mix(run + 1));
}

/** What is compared: a member and its weight. */
export interface Ranked {
  readonly id: string;
  readonly seed: number;
}

/** The member with the highest weight for this run, the smaller id where two are equal; null among nobody. */
export function ownerOf<T extends Ranked>(run: number, members: Iterable<T>): T | null {
  let best: T | null = null;
  let bestWeight = -1;
  for (const member of members) {
    const weight = weightOf(member.seed, run);
    if (weight > bestWeight || (weight === bestWeight && best !== null && member.id < best.id)) {
      best = member;
      bestWeight = weight;
    }
  }
  return best;
}

/** Orders members for the content as a whole, best first: the order of the seats, and of those who fetch unproven files. */
export function bySeat(a: Ranked, b: Ranked): number {
  return b.seed - a.seed || (a.id < b.id ? -1 : Number(a.id > b.id));
}

// The finisher of MurmurHash3: each bit of the input moves each bit of the output.
function mix(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** How many nodes a newcomer asks about a content where nothing can be told to the whole subnet. */
const MEETING_POINTS = 8;

/**
 * The nodes of a roster where those who want a content meet when broadcast is filtered: they remember who asked, and
 * say who else did, whether they want it themselves or not. Rosters that differ a little still have most of them in common.
 */
export function meetingPoints<Id extends string>(
  contentId: string,
  roster: Iterable<Id>,
  count = MEETING_POINTS,
): Id[] {
  const ranked = [...roster].map((id) => ({ id, seed: memberSeed(contentId, id) }));
  return ranked
    .sort(bySeat)
    .slice(0, count)
    .map(({ id }) => id);
}

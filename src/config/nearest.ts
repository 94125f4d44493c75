/** Names further away than this share of their length are no help. */
const FARTHEST = 0.5;

/**
 * The candidate a mistyped name most likely meant, or null. A candidate whose last part equals the mistyped last
 * part wins, because then only the section is wrong; else the fewest edits count.
 */
export function nearestName(name: string, candidates: readonly string[]): string | null {
  const sameKey = candidates.find((candidate) => lastPart(candidate) === lastPart(name));
  if (sameKey !== undefined) return sameKey;
  let best: { name: string; edits: number } | null = null;
  for (const candidate of candidates) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (best === null || edits < best.edits) best = { name: candidate, edits };
  }
  return best !== null && best.edits <= Math.max(2, best.name.length * FARTHEST) ? best.name : null;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase();
}

/** Levenshtein distance in one row; names longer than 80 characters are cut, so that a hostile file costs nothing. */
export function editDistance(left: string, right: string): number {
  const a = left.slice(0, 80);
  const b = right.slice(0, 80);
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

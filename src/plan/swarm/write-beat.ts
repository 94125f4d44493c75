import { type Beat, MEMBERS_EVERY_MS, newsOf } from './announcements.ts';
import type { Lease, LeaseFact } from './leases.ts';
import type { Partner } from './partners.ts';
import type { SwarmState } from './swarm-state.ts';

/** How many members a beat names besides the seats. */
const NAMED_OTHERS = 8;

/** What this node says to a member now. */
export function writeBeat(state: SwarmState, kind: Beat['kind'], to: string, nowMs: number): Beat {
  const { complete, passive, leases, view } = state;
  const lease = leases.of(view.self.id, nowMs);
  return {
    kind,
    have: newsFor(state, kind, to),
    complete,
    lease: lease === null ? null : factOf(lease, nowMs),
    seat: view.isSeat(view.self.id),
    passive,
    distrusts: view.isBanned(to),
    others: othersFor(state, kind, to, nowMs),
    usualRate: leases.usualRate,
    pulseAgeMs: nowMs - state.pulseMs,
    members: namesMembers(state, kind, to, nowMs) ? membersOf(state, nowMs) : [],
  };
}

/** What a member hears that is left behind. */
export function writeBye(): Beat {
  const nothing = { have: [], complete: false, lease: null, others: [], members: [] };
  return { kind: 'bye', ...nothing, seat: false, passive: false, distrusts: false, usualRate: 0, pulseAgeMs: 0 };
}

// All pieces to one that is new, else those since the last beat; none to one that misses none.
function newsFor(
  { gained, have, content, complete, partners }: SwarmState,
  kind: Beat['kind'],
  to: string,
): Beat['have'] {
  const partner = partners.get(to);
  if (complete || kind === 'no-room' || partner?.offers.isComplete === true) return [];
  if (kind === 'beat' && partner !== undefined) return newsOf(newsTo(partner, gained));
  // All that may be given, in its order already: a stranger may ask for it hundreds of times a second.
  return content.anchored ? have.runs() : [];
}

/** The pieces that a partner has not been told of and does not have: of the others it need not hear. */
function newsTo({ toldPieces, offers }: Partner, gained: readonly number[]): number[] {
  return offers.isComplete ? [] : gained.slice(toldPieces).filter((piece) => !offers.has(piece));
}

/** Whether there is any such piece. */
export function owesNews({ toldPieces, offers }: Partner, gained: readonly number[]): boolean {
  if (offers.isComplete) return false;
  for (let at = toldPieces; at < gained.length; at++) if (!offers.has(gained[at] as number)) return true;
  return false;
}

// A new seat hears of all that is fetched, and seats tell each other what those fetch who have lost their seat meanwhile;
// whoever fetches hears of what others fetch of the same.
function othersFor(state: SwarmState, kind: Beat['kind'], to: string, nowMs: number): Beat['others'] {
  const { leases, view, partners } = state;
  if (partners.get(to) === undefined) return [];
  const isFellow = view.areSeats(to);
  const told = leases.live(nowMs).filter(({ holder }) => isFellow && (kind === 'welcome' || !view.isSeat(holder)));
  const others = new Set([...told, ...leases.rivals(to, nowMs)]);
  return [...others]
    .filter(({ holder }) => holder !== view.self.id && holder !== to)
    .map((lease) => ({ ...factOf(lease, nowMs), holder: lease.holder, silentMs: nowMs - lease.heardMs }));
}

function namesMembers({ partners }: SwarmState, kind: Beat['kind'], to: string, nowMs: number): boolean {
  if (kind !== 'beat') return kind !== 'hello';
  return nowMs - (partners.get(to)?.membersToldMs ?? 0) >= MEMBERS_EVERY_MS;
}

function membersOf({ view }: SwarmState, nowMs: number): Beat['members'] {
  const ids = new Set([...view.seats.map(({ id }) => id), ...view.some(NAMED_OTHERS)]);
  ids.delete(view.self.id);
  return [...ids].map((id) => ({ id, ageMs: nowMs - (view.heardMs(id) ?? nowMs) }));
}

function factOf({ first, end, position, takenOver, sinceMs }: Lease, nowMs: number): LeaseFact {
  return { first, end, position, takenOver, ageMs: nowMs - sinceMs };
}

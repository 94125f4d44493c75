import { expect, test } from 'vitest';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { FILE_UPLOADS } from '../../../../src/plan/swarm/uploads.ts';
import { type AnswerKind, PiecePlaces } from '../../../../src/serve/pieces/piece-places.ts';
import { testNodeId } from '../../../support/node-ids.ts';

const clock = () => new ManualClock(0);

/** How many of `clients`, one after another, find a place. */
function admitted(places: PiecePlaces, kind: AnswerKind, clients: number, isUserBusy = false): number {
  const entered = Array.from({ length: clients }, (_, index) => places.enter(kind, testNodeId(index), isUserBusy));
  return entered.filter((leave) => leave !== null).length;
}

test('pieces have the places of the policy, whole files and descriptors their own', () => {
  const places = new PiecePlaces({ clock: clock() }, { requests: 5, clients: 9 });
  expect(admitted(places, 'pieces', 20)).toBe(5);
  expect(admitted(places, 'file', 20)).toBe(FILE_UPLOADS.clients);
  expect(admitted(places, 'descriptor', 20)).toBe(8);
});

test('a policy of fewer clients than three holds for whole files too', () => {
  const places = new PiecePlaces({ clock: clock() }, { requests: 1, clients: 2 });
  expect(admitted(places, 'file', 20)).toBe(1);
});

test('half of the places stay empty while the user waits for something else', () => {
  const places = new PiecePlaces({ clock: clock() }, { requests: 8, clients: 32 });
  expect(admitted(places, 'pieces', 20, true)).toBe(4);
});

test('new limits count at once; a place that is given back is free', () => {
  const places = new PiecePlaces({ clock: clock() }, { requests: 1, clients: 32 });
  const leave = places.enter('pieces', testNodeId(0), false);
  expect(places.enter('pieces', testNodeId(1), false)).toBeNull();
  places.update({ requests: 2, clients: 32 });
  expect(places.enter('pieces', testNodeId(1), false)).not.toBeNull();
  expect(places.enter('pieces', testNodeId(2), false)).toBeNull();
  leave?.();
  expect(places.enter('pieces', testNodeId(2), false)).not.toBeNull();
});

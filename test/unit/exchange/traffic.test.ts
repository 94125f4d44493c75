import { beforeEach, expect, test } from 'vitest';
import { parseContentId } from '../../../src/core/ids.ts';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { Traffic } from '../../../src/exchange/traffic.ts';
import type { NodeEventBody } from '../../../src/observe/events.ts';

const A = parseContentId('a1'.repeat(32));
const B = parseContentId('b2'.repeat(32));
let clock: ManualClock;
let events: NodeEventBody[];
let traffic: Traffic;

beforeEach(() => {
  clock = new ManualClock();
  events = [];
  traffic = new Traffic({ clock, emit: (event) => events.push(event) });
});

test('hundreds of requests make one event a second for each content', async () => {
  for (let request = 0; request < 300; request++) traffic.gave(A, 10);
  traffic.took(A, 7);
  traffic.refused(A, 503);
  traffic.refused(A, 503);
  traffic.refused(A, 416);
  traffic.took(B, 5);
  clock.advance(999);
  expect(events).toEqual([]);
  clock.advance(1);
  const refused = { 503: 2, 416: 1 };
  expect(events).toEqual([
    { type: 'swarm.moved', contentId: A, givenBytes: 3000, takenBytes: 7, answered: 300, refused },
    { type: 'swarm.moved', contentId: B, givenBytes: 0, takenBytes: 5, answered: 0, refused: {} },
  ]);
});

test('what was told is not told again, and nothing is told when nothing moves', async () => {
  traffic.gave(A, 10);
  clock.advance(1_000);
  clock.advance(60_000);
  expect(events).toHaveLength(1);
  traffic.gave(A, 1);
  clock.advance(1_000);
  expect(events[1]).toMatchObject({ givenBytes: 1, answered: 1 });
});

test('an answer that broke off before its first byte is none', async () => {
  traffic.gave(A, 0);
  clock.advance(1_000);
  expect(events).toEqual([]);
});

test('the rest is told when a content is left, and when the node stops', () => {
  traffic.gave(A, 1);
  traffic.gave(B, 2);
  traffic.refused(null, 404);
  traffic.tell([A]);
  expect(events).toMatchObject([{ contentId: A }]);
  traffic.stop();
  expect(events.slice(1)).toMatchObject([
    { contentId: B, givenBytes: 2 },
    { contentId: null, refused: { 404: 1 } },
  ]);
});

import { expect, test } from 'vitest';
import { ManualClock } from '../../../src/core/manual-clock.ts';
import { MemberTable } from '../../../src/peer/member-table.ts';
import { testNodeId } from '../../support/node-ids.ts';

const HOUR_MS = 3_600_000;

test('a proof holds until its certificate ends', async () => {
  const clock = new ManualClock();
  const table = new MemberTable({ clock });
  const untilMs = clock.wallMs() + HOUR_MS;
  expect(table.add(testNodeId(1), untilMs)).toBe(true);
  expect(table.authenticatedUntilMs(testNodeId(1))).toBe(untilMs);
  expect(table.authenticatedUntilMs(testNodeId(2))).toBeNull();
  await clock.advance(HOUR_MS);
  expect(table.authenticatedUntilMs(testNodeId(1))).toBeNull();
  expect(table.size).toBe(0);
});

test('a full table makes room for newcomers once a minute has passed, the oldest going first', async () => {
  const clock = new ManualClock();
  const table = new MemberTable({ clock }, { maxMembers: 3 });
  const untilMs = clock.wallMs() + HOUR_MS;
  for (let index = 0; index < 3; index++) expect(table.add(testNodeId(index), untilMs)).toBe(true);
  expect(table.add(testNodeId(3), untilMs)).toBe(false);
  expect(table.add(testNodeId(0), untilMs)).toBe(true);
  await clock.advance(60_000);
  expect(table.add(testNodeId(3), untilMs)).toBe(true);
  expect(table.authenticatedUntilMs(testNodeId(1))).toBeNull();
  expect(table.authenticatedUntilMs(testNodeId(0))).toBe(untilMs);
  expect(table.size).toBe(3);
});

import { expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/manual-clock.ts';
import { Answers } from '../../../../src/peer/discovery/answers.ts';
import { testNodeId } from '../../../support/node-ids.ts';

function setUp(peersKnown = 100) {
  const clock = new ManualClock();
  const answers = new Answers({ clock, random: () => 0.5, peersKnown: () => peersKnown });
  const given: string[] = [];
  const ask = (question: string) => answers.consider(question, () => given.push(question));
  return { clock, answers, given, ask };
}

it('answers after the delay', () => {
  const { clock, given, ask } = setUp();
  ask('a');
  clock.advance(999);
  expect(given).toEqual([]);
  clock.advance(1);
  expect(given).toEqual(['a']);
});

it('stays silent when ten different peers answered, however often one of them did', () => {
  const { clock, answers, given, ask } = setUp();
  ask('a');
  ask('b');
  for (let index = 0; index < 10; index++) {
    answers.heard('a', testNodeId(index));
    answers.heard('b', testNodeId(1));
  }
  clock.advance(5_000);
  expect(given).toEqual(['b']);
});

it('takes a question once while it waits', () => {
  const { clock, given, ask } = setUp();
  ask('a');
  ask('a');
  clock.advance(5_000);
  ask('a');
  clock.advance(5_000);
  expect(given).toEqual(['a', 'a']);
});

it('bounds what waits and how much is answered, whatever is asked', () => {
  const { clock, given, ask } = setUp();
  for (let index = 0; index < 10_000; index++) ask(`${index}`);
  clock.advance(5_000);
  expect(given).toHaveLength(20);
  for (let second = 0; second < 600; second++) {
    ask(`later ${second}`);
    clock.advance(1_000);
  }
  expect(given.length).toBeLessThanOrEqual(20 + 61);
});

it('forgets what waits when cleared', () => {
  const { clock, answers, given, ask } = setUp();
  ask('a');
  answers.clear();
  clock.advance(5_000);
  expect(given).toEqual([]);
});

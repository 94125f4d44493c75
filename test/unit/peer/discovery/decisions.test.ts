import { describe, expect, it } from 'vitest';
import {
  answerDelayMs,
  answersNow,
  isDiscoveryDue,
  suppressedForMs,
} from '../../../../src/peer/discovery/decisions.ts';

const MINUTE = 60_000;

describe('when a discovery begins by itself', () => {
  const need = { usable: () => 3, wanted: 10, lastBeganMs: null, fruitless: 0 };

  it('begins when peers are missing and none was held yet', () => {
    expect(isDiscoveryDue(need, 0)).toBe(true);
    expect(isDiscoveryDue({ ...need, usable: () => 10 }, 0)).toBe(false);
  });

  it.each([
    [0, 10],
    [1, 20],
    [2, 40],
    [3, 60],
    [50, 60],
  ])('after %i fruitless ones it waits %i minutes', (fruitless, minutes) => {
    const past = { ...need, lastBeganMs: 5, fruitless };
    expect(isDiscoveryDue(past, 5 + minutes * MINUTE - 1)).toBe(false);
    expect(isDiscoveryDue(past, 5 + minutes * MINUTE)).toBe(true);
  });
});

it('suppresses a discovery for ten minutes after one began', () => {
  expect(suppressedForMs(null, 0)).toBe(0);
  expect(suppressedForMs(1_000, 1_000)).toBe(10 * MINUTE);
  expect(suppressedForMs(1_000, 1_000 + 10 * MINUTE)).toBe(0);
});

describe('who answers a question', () => {
  it('waits longer the more peers it knows, between 0.1 and 2 seconds at most', () => {
    expect(answerDelayMs(0, 0.999)).toBeCloseTo(99.9);
    expect(answerDelayMs(20, 1)).toBe(400);
    expect(answerDelayMs(100, 1)).toBe(2_000);
    expect(answerDelayMs(10_000, 1)).toBe(2_000);
    expect(answerDelayMs(100, 0)).toBe(0);
  });

  it('answers until ten others did', () => {
    expect(answersNow(9, 100, 0.99)).toBe(true);
    expect(answersNow(10, 100, 0.99)).toBe(false);
  });

  it('now and then answers nevertheless, so that ten forged answers do not silence a subnet', () => {
    expect(answersNow(10, 100, 0.009)).toBe(true);
    expect(answersNow(10, 100, 0.011)).toBe(false);
    expect(answersNow(10, 0, 0.11)).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DURATION_PATTERN,
  parseDuration,
  parsePercent,
  parseRate,
  parseSize,
  printExactDuration,
  printExactSize,
  RATE_PATTERN,
  SIZE_PATTERN,
} from '../../../src/config/quantity.ts';

describe('quantities', () => {
  it('reads what people write', () => {
    expect(parseDuration('90d')).toBe(7_776_000_000);
    expect(parseDuration('1.5 s')).toBe(1500);
    expect(parseDuration('10min')).toBe(600_000);
    expect(parseSize('1GiB')).toBe(1_073_741_824);
    expect(parseSize('20 GB')).toBe(20_000_000_000);
    expect(parseRate('1MiB/s')).toBe(1_048_576);
    expect(parsePercent('12.5%')).toBe(12.5);
    expect(parseDuration('0')).toBe(0);
  });

  it.each(['15', '15m', '-1s', '1e3s', 's', '1 s s', '1,5s', '', '15S', '99999999999999999d'])(
    'refuses "%s" as a duration',
    (text) => expect(parseDuration(text)).toBeNull(),
  );

  it.each(['1', '1gib', '1Gi', '1GiB/s', 'GiB', '9007199254740993B', '1constructor'])(
    'refuses "%s" as a size',
    (text) => expect(parseSize(text)).toBeNull(),
  );

  it('prints exactly what it reads', () => {
    fc.assert(
      fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (value) => {
        expect(parseDuration(printExactDuration(value))).toBe(value);
        expect(parseSize(printExactSize(value))).toBe(value);
        if (value > 0) expect(parseRate(`${printExactSize(value)}/s`)).toBe(value);
      }),
    );
  });

  it('never throws, and reads only what its pattern matches', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9. ]{0,6}[a-zA-Z%/]{0,5}$/));
    fc.assert(
      fc.property(text, (written) => {
        for (const [parse, pattern] of [
          [parseDuration, DURATION_PATTERN],
          [parseSize, SIZE_PATTERN],
          [parseRate, RATE_PATTERN],
        ] as const) {
          const value = parse(written);
          expect(value === null || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
          if (value !== null) expect(written).toMatch(new RegExp(pattern));
        }
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { EXIT, exitCodeOf } from '../../../src/cli/exit.ts';

describe('exit codes', () => {
  it('tell scripts what kind of failure it was', () => {
    expect(exitCodeOf('E_INVALID_RANGE')).toBe(EXIT.usage);
    expect(exitCodeOf('E_VALIDATION_FAILED')).toBe(EXIT.validation);
    expect(exitCodeOf('E_CANCELLED')).toBe(130);
  });

  it('are all different', () => {
    expect(new Set(Object.values(EXIT)).size).toBe(Object.keys(EXIT).length);
  });

  it('survive a code of a newer node', () => {
    expect(exitCodeOf('E_FROM_THE_FUTURE' as never)).toBe(EXIT.failed);
  });
});

import { describe, expect, it } from 'vitest';
import { EXIT, exitCodeOf } from '../../../src/cli/exit.ts';

describe('exit codes', () => {
  it('tell scripts what kind of failure it was', () => {
    expect(exitCodeOf('E_INVALID_RANGE')).toBe(EXIT.usage);
    expect(exitCodeOf('E_VALIDATION_FAILED')).toBe(EXIT.validation);
    expect(exitCodeOf('E_CANCELLED')).toBe(130);
  });

  it('tell the same of the codes of BITS', () => {
    expect(exitCodeOf('BG_E_NOT_FOUND')).toBe(EXIT.notFound);
    expect(exitCodeOf('BG_E_INVALID_STATE')).toBe(EXIT.state);
    expect(exitCodeOf('BG_E_TOO_MANY_JOBS_PER_USER')).toBe(EXIT.state);
    expect(exitCodeOf('E_ACCESSDENIED')).toBe(EXIT.configuration);
    expect(exitCodeOf('E_INVALIDARG')).toBe(EXIT.usage);
    expect(exitCodeOf('E_NOTIMPL')).toBe(EXIT.usage);
    expect(exitCodeOf('BG_E_HTTP_ERROR_404')).toBe(EXIT.origin);
    expect(exitCodeOf('BG_E_NETWORK_DISCONNECTED')).toBe(EXIT.origin);
    expect(exitCodeOf('ERROR_DISK_FULL')).toBe(EXIT.disk);
    expect(exitCodeOf('BG_E_VALIDATION_FAILED')).toBe(EXIT.validation);
    expect(exitCodeOf('BG_E_NO_PROGRESS')).toBe(EXIT.failed);
    expect(exitCodeOf('BG_S_PARTIAL_COMPLETE')).toBe(EXIT.ok);
  });

  it('are all different', () => {
    expect(new Set(Object.values(EXIT)).size).toBe(Object.keys(EXIT).length);
  });

  it('survive a code of a newer node', () => {
    expect(exitCodeOf('E_FROM_THE_FUTURE' as never)).toBe(EXIT.failed);
  });
});

import { describe, expect, it } from 'vitest';
import { BITS_CODES, type BitsCode } from '../../../../src/core/bits-codes.ts';
import { type ErrorCode, type ErrorDetails, NearbitsError } from '../../../../src/core/errors.ts';
import { JobErrorView } from '../../../../src/job/model/view.ts';
import { toJobError, waitsForCondition } from '../../../../src/job/run/job-error.ts';

const URL_TEXT = 'https://origin.test/file.iso';
const PLACE = { file: 2, url: URL_TEXT };
const system = (code: string) => Object.assign(new Error(code), { code });
const view = (code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) =>
  toJobError(new NearbitsError(code, 'it failed', { details, cause }), PLACE, 1234);

describe('toJobError', () => {
  it('tells code, number, class and context, keeps the finer code and names the next step', () => {
    const error = new NearbitsError('E_ORIGIN_STATUS', 'the origin answered 404', { details: { status: 404 } });
    const made = toJobError(error, PLACE, 1234);
    expect(made).toEqual({
      code: 'BG_E_HTTP_ERROR_404',
      hresult: '0x80190194',
      kind: 'fatal',
      context: 'REMOTE_FILE',
      message: 'the origin answered 404',
      hint: 'Correct the URL with a new remote name and resume the job.',
      file: 2,
      protocol: 'https',
      cause: 'E_ORIGIN_STATUS',
      details: { status: 404 },
      atMs: 1234,
    });
    expect(JobErrorView.parse(made)).toEqual(made);
  });

  it.each([
    ['E_ORIGIN_STATUS', { status: 403 }, 'BG_E_HTTP_ERROR_403', 'fatal', 'REMOTE_FILE'],
    ['E_ORIGIN_FAILING', { status: 503 }, 'BG_E_HTTP_ERROR_503', 'transient', 'REMOTE_FILE'],
    ['E_ORIGIN_FAILING', { status: 408 }, 'BG_E_HTTP_ERROR_408', 'transient', 'REMOTE_FILE'],
    ['E_ORIGIN_STATUS', { status: 501 }, 'BG_E_HTTP_ERROR_501', 'fatal', 'REMOTE_FILE'],
    ['E_ORIGIN_STATUS', { status: '404' }, 'BG_E_INVALID_SERVER_RESPONSE', 'fatal', 'REMOTE_FILE'],
    ['E_ORIGIN_FAILING', {}, 'BG_E_INVALID_SERVER_RESPONSE', 'fatal', 'REMOTE_FILE'],
    ['E_ORIGIN_UNREACHABLE', { reason: 'ENOTFOUND' }, 'WININET_E_NAME_NOT_RESOLVED', 'transient', 'REMOTE_FILE'],
    ['E_ORIGIN_UNREACHABLE', { systemCode: 'EAI_AGAIN' }, 'WININET_E_NAME_NOT_RESOLVED', 'transient', 'REMOTE_FILE'],
    ['E_ORIGIN_UNREACHABLE', { reason: 'ECONNREFUSED' }, 'BG_E_CONNECT_FAILURE', 'transient', 'GENERAL_TRANSPORT'],
    ['E_ORIGIN_UNREACHABLE', {}, 'BG_E_CONNECT_FAILURE', 'transient', 'GENERAL_TRANSPORT'],
    ['E_ORIGIN_UNREACHABLE', { certificate: 'expired' }, 'ERROR_WINHTTP_SECURE_FAILURE', 'fatal', 'GENERAL_TRANSPORT'],
    ['E_ORIGIN_TIMEOUT', {}, 'ERROR_WINHTTP_TIMEOUT', 'transient', 'GENERAL_TRANSPORT'],
    ['E_ORIGIN_TRUNCATED', {}, 'BG_E_CONNECTION_CLOSED', 'transient', 'GENERAL_TRANSPORT'],
    ['E_ORIGIN_PROTOCOL', { status: 206 }, 'BG_E_INVALID_SERVER_RESPONSE', 'fatal', 'REMOTE_FILE'],
    ['E_ORIGIN_PROTOCOL', { limit: 'maxFileBytes' }, 'BG_E_TOO_LARGE', 'fatal', 'REMOTE_FILE'],
    ['E_ORIGIN_NO_RANGES', {}, 'BG_E_INSUFFICIENT_RANGE_SUPPORT', 'fatal', 'REMOTE_FILE'],
    ['E_ORIGIN_CHANGED', { status: 200 }, 'BG_E_REMOTE_FILE_CHANGED', 'fatal', 'REMOTE_FILE'],
    ['E_INVALID_RANGE', {}, 'BG_E_INVALID_RANGE', 'fatal', 'REMOTE_FILE'],
    ['E_VALIDATION_FAILED', {}, 'BG_E_VALIDATION_FAILED', 'fatal', 'LOCAL_FILE'],
    ['E_DISK_FULL', {}, 'ERROR_DISK_FULL', 'transient', 'LOCAL_FILE'],
    ['E_DESTINATION', {}, 'E_ACCESSDENIED', 'fatal', 'LOCAL_FILE'],
    ['E_ACCESSDENIED', {}, 'E_ACCESSDENIED', 'fatal', 'LOCAL_FILE'],
    ['BG_E_INVALID_PROXY_INFO', {}, 'BG_E_INVALID_PROXY_INFO', 'fatal', 'GENERAL_TRANSPORT'],
    ['BG_E_NETWORK_DISCONNECTED', {}, 'BG_E_NETWORK_DISCONNECTED', 'transient', 'GENERAL_TRANSPORT'],
    ['BG_E_EMPTY', {}, 'BG_E_EMPTY', 'fatal', 'GENERAL_QUEUE_MANAGER'],
  ] as const)('maps %s with %o to %s, %s, %s', (cause, details, code, kind, context) => {
    expect(view(cause, details)).toMatchObject({ code, kind, context, cause });
  });

  it.each([
    ['ENOENT', 'BG_E_FILE_NOT_FOUND', 'fatal'],
    ['ENOTDIR', 'BG_E_FILE_NOT_FOUND', 'fatal'],
    ['EACCES', 'E_ACCESSDENIED', 'fatal'],
    ['EPERM', 'E_ACCESSDENIED', 'fatal'],
    ['EROFS', 'E_ACCESSDENIED', 'fatal'],
    ['EBUSY', 'BG_E_DESTINATION_LOCKED', 'transient'],
    ['EXDEV', 'BG_E_VOLUME_CHANGED', 'fatal'],
    ['ENOSPC', 'ERROR_DISK_FULL', 'transient'],
  ] as const)('maps the system error %s of a local file to %s', (systemCode, code, kind) => {
    for (const cause of ['E_IO', 'E_DESTINATION'] as const) {
      expect(view(cause, {}, system(systemCode))).toMatchObject({ code, kind, context: 'LOCAL_FILE', protocol: null });
    }
  });

  it('finds the code of the system under other errors', () => {
    const wrapped = new NearbitsError('E_IO', 'the file cannot be written', { cause: system('EACCES') });
    expect(view('E_IO', {}, wrapped).code).toBe('E_ACCESSDENIED');
    expect(view('E_ORIGIN_UNREACHABLE', {}, system('ENOTFOUND')).code).toBe('WININET_E_NAME_NOT_RESOLVED');
  });

  it('keeps codes that BITS does not have, with the number of an unspecified failure', () => {
    const context = 'UNKNOWN';
    const hresult = '0x80004005';
    expect(view('E_INTERNAL')).toMatchObject({ code: 'E_INTERNAL', kind: 'fatal', context, hresult });
    expect(view('E_CACHE_DAMAGED')).toMatchObject({ code: 'E_CACHE_DAMAGED', kind: 'fatal', context, hresult });
    expect(view('E_PEER_TIMEOUT')).toMatchObject({ code: 'E_PEER_TIMEOUT', kind: 'transient', context, hresult });
    expect(view('E_IO', {}, system('EIO'))).toMatchObject({ code: 'E_IO', kind: 'fatal', context: 'LOCAL_FILE' });
  });

  it('prefers the hint of the failure itself', () => {
    const error = new NearbitsError('E_DISK_FULL', 'full', { hint: 'Free some space.' });
    expect(toJobError(error, PLACE, 0).hint).toBe('Free some space.');
  });

  it('names no protocol without a URL, and no file where there is none', () => {
    const error = new NearbitsError('E_ORIGIN_TIMEOUT', 'late');
    expect(toJobError(error, { file: null, url: null }, 0)).toMatchObject({ file: null, protocol: null });
  });

  it('has a next step for every error that a job can end in or wait with', () => {
    const codes = (Object.keys(BITS_CODES) as BitsCode[]).filter((code) => {
      const { kind } = BITS_CODES[code as keyof typeof BITS_CODES];
      return kind === 'fatal' || kind === 'transient';
    });
    const statuses = [304, 400, 401, 404, 407, 409, 416, 429, 500, 501, 503].map(
      (n): BitsCode => `BG_E_HTTP_ERROR_${n}`,
    );
    for (const code of [...codes, ...statuses]) expect(view(code).hint, code).toMatch(/^[A-Z].*\.$/);
  });
});

describe('waitsForCondition', () => {
  it('holds for what time cannot mend', () => {
    const waiting = (Object.keys(BITS_CODES) as BitsCode[]).filter(waitsForCondition);
    expect(waiting.sort()).toEqual([
      'BG_E_BLOCKED_BY_COST_TRANSFER_POLICY',
      'BG_E_BLOCKED_BY_POLICY',
      'BG_E_NETWORK_DISCONNECTED',
    ]);
  });
});

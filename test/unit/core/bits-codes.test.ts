import { describe, expect, it } from 'vitest';
import {
  BITS_CODES,
  type BitsCode,
  bitsFacts,
  ERROR_CONTEXTS,
  httpErrorCode,
  isBitsCode,
  isTransientStatus,
  printHresult,
} from '../../../src/core/bits-codes.ts';

/** Numbers as the documentation of BITS prints them; F fatal, T transient, C refusal of a call, S success. */
const TABLE = `
BG_S_PARTIAL_COMPLETE 0x00200017 S
BG_S_UNABLE_TO_DELETE_FILES 0x0020001A S
BG_S_ERROR_CONTEXT_NONE 0x00200006 S
BG_S_PROXY_CHANGED 0x0020002A S
BG_S_OVERRIDDEN_BY_POLICY 0x00200055 S
S_FALSE 0x00000001 S
BG_E_NOT_FOUND 0x80200001 C
BG_E_INVALID_STATE 0x80200002 C
BG_E_EMPTY 0x80200003 C
BG_E_FILE_NOT_AVAILABLE 0x80200004 C
BG_E_PROTOCOL_NOT_AVAILABLE 0x80200005 C
BG_E_DESTINATION_LOCKED 0x8020000D T LOCAL_FILE
BG_E_VOLUME_CHANGED 0x8020000E F LOCAL_FILE
BG_E_ERROR_INFORMATION_UNAVAILABLE 0x8020000F C
BG_E_NETWORK_DISCONNECTED 0x80200010 T GENERAL_TRANSPORT
BG_E_MISSING_FILE_SIZE 0x80200011 F REMOTE_FILE
BG_E_INSUFFICIENT_HTTP_SUPPORT 0x80200012 F REMOTE_FILE
BG_E_INSUFFICIENT_RANGE_SUPPORT 0x80200013 F REMOTE_FILE
BG_E_REMOTE_NOT_SUPPORTED 0x80200014 C
BG_E_NEW_OWNER_NO_FILE_ACCESS 0x80200016 C
BG_E_PROXY_LIST_TOO_LARGE 0x80200018 C
BG_E_PROXY_BYPASS_LIST_TOO_LARGE 0x80200019 C
BG_E_INVALID_SERVER_RESPONSE 0x8020001B F REMOTE_FILE
BG_E_TOO_MANY_FILES 0x8020001C C
BG_E_TOO_LARGE 0x80200020 F REMOTE_FILE
BG_E_STRING_TOO_LONG 0x80200021 C
BG_E_NO_PROGRESS 0x80200024 F
BG_E_USERNAME_TOO_LARGE 0x80200025 C
BG_E_PASSWORD_TOO_LARGE 0x80200026 C
BG_E_INVALID_AUTH_TARGET 0x80200027 C
BG_E_INVALID_AUTH_SCHEME 0x80200028 C
BG_E_FILE_NOT_FOUND 0x80200029 F LOCAL_FILE
BG_E_INVALID_RANGE 0x8020002B F REMOTE_FILE
BG_E_OVERLAPPING_RANGES 0x8020002C C
BG_E_CONNECT_FAILURE 0x8020002D T GENERAL_TRANSPORT
BG_E_CONNECTION_CLOSED 0x8020002E T GENERAL_TRANSPORT
BG_E_BLOCKED_BY_POLICY 0x8020003E T GENERAL_QUEUE_MANAGER
BG_E_INVALID_PROXY_INFO 0x8020003F F GENERAL_TRANSPORT
BG_E_INVALID_CREDENTIALS 0x80200040 C
BG_E_RECORD_DELETED 0x80200042 C
BG_E_PEERCACHING_DISABLED 0x80200047 C
BG_E_BUSYCACHERECORD 0x80200048 C
BG_E_TOO_MANY_JOBS_PER_USER 0x80200049 C
BG_E_TOO_MANY_JOBS_PER_MACHINE 0x80200050 C
BG_E_TOO_MANY_FILES_IN_JOB 0x80200051 C
BG_E_TOO_MANY_RANGES_IN_FILE 0x80200052 C
BG_E_VALIDATION_FAILED 0x80200053 F LOCAL_FILE
BG_E_MAXDOWNLOAD_TIMEOUT 0x80200054 F GENERAL_QUEUE_MANAGER
BG_E_UNKNOWN_PROPERTY_ID 0x80200057 C
BG_E_READ_ONLY_PROPERTY 0x80200058 C
BG_E_BLOCKED_BY_COST_TRANSFER_POLICY 0x80200059 T
BG_E_PROPERTY_SUPPORTED_FOR_DOWNLOAD_JOBS_ONLY 0x80200060 C
BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE 0x80200061 C
BG_E_READ_ONLY_PROPERTY_AFTER_RESUME 0x80200062 C
BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE 0x80200063 C
BG_E_MAX_DOWNLOAD_SIZE_LIMIT_REACHED 0x80200064 F
BG_E_USE_STORED_CREDENTIALS_NOT_SUPPORTED 0x80200066 C
BG_E_DATABASE_CORRUPT 0x8020006C C
BG_E_RANDOM_ACCESS_NOT_SUPPORTED 0x8020006D C
BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD 0x80200071 C
BG_E_UNSUPPORTED_JOB_CONFIGURATION 0x80200072 F
BG_E_REMOTE_FILE_CHANGED 0x80200073 F REMOTE_FILE
BG_E_READ_ONLY_WHEN_JOB_ACTIVE 0x80200075 C
E_INVALIDARG 0x80070057 C
E_ACCESSDENIED 0x80070005 C
E_NOTIMPL 0x80004001 C
E_PENDING 0x8000000A C
ERROR_DISK_FULL 0x80070070 T LOCAL_FILE
WININET_E_NAME_NOT_RESOLVED 0x80072EE7 T REMOTE_FILE
ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED 0x80072F0C F
`;
const KINDS = { S: 'success', C: 'call', F: 'fatal', T: 'transient' } as const;
const rows = TABLE.trim()
  .split('\n')
  .map((line) => line.split(' ') as [BitsCode, string, keyof typeof KINDS, string?]);

describe('the codes of BITS', () => {
  it.each(rows)('%s has the number %s and the class %s', (code, hresult, kind, context) => {
    const facts = bitsFacts(code);
    expect(printHresult(facts.hresult)).toBe(hresult);
    expect(facts.kind).toBe(KINDS[kind]);
    if (context !== undefined) expect(facts.context).toBe(context);
  });

  it('are all in this table, but for those of WinHTTP that BITS passes through', () => {
    const listed = new Set<string>(rows.map(([code]) => code));
    const others = Object.keys(BITS_CODES).filter((code) => !listed.has(code));
    expect(others).toEqual(['ERROR_WINHTTP_SECURE_FAILURE', 'ERROR_WINHTTP_TIMEOUT']);
    expect(printHresult(bitsFacts('ERROR_WINHTTP_SECURE_FAILURE').hresult)).toBe('0x80072F8F');
    expect(printHresult(bitsFacts('ERROR_WINHTTP_TIMEOUT').hresult)).toBe('0x80072EE2');
  });

  it('have different numbers and say what they mean', () => {
    const all = Object.values(BITS_CODES);
    expect(new Set(all.map(({ hresult }) => hresult)).size).toBe(all.length);
    for (const { meaning } of all) expect(meaning).not.toBe('');
  });

  it('name a context for every error that a job can have', () => {
    for (const [code, { kind, context }] of Object.entries(BITS_CODES)) {
      const ofJobs = kind === 'fatal' || kind === 'transient';
      expect(context !== 'NONE', code).toBe(ofJobs);
    }
  });

  it('have the contexts of BITS in their order', () => {
    expect(ERROR_CONTEXTS.indexOf('NONE')).toBe(0);
    expect(ERROR_CONTEXTS.indexOf('LOCAL_FILE')).toBe(4);
    expect(ERROR_CONTEXTS.indexOf('REMOTE_FILE')).toBe(5);
    expect(ERROR_CONTEXTS.indexOf('REMOTE_APPLICATION')).toBe(7);
  });
});

describe('HTTP statuses', () => {
  it('become codes with a number of their own', () => {
    expect(httpErrorCode(404)).toBe('BG_E_HTTP_ERROR_404');
    expect(printHresult(bitsFacts('BG_E_HTTP_ERROR_404').hresult)).toBe('0x80190194');
    expect(printHresult(bitsFacts('BG_E_HTTP_ERROR_503').hresult)).toBe('0x801901F7');
    expect(bitsFacts('BG_E_HTTP_ERROR_503')).toMatchObject({ kind: 'transient', context: 'REMOTE_FILE' });
    expect(bitsFacts('BG_E_HTTP_ERROR_404')).toMatchObject({ kind: 'fatal', context: 'REMOTE_FILE' });
  });

  it.each([
    ['3xx', 300, 399, [300, 301, 302, 303, 304, 305, 307, 308], true],
    ['4xx', 400, 499, [408, 409, 425, 429], false],
    ['5xx', 500, 599, [501, 505], true],
    ['others', 100, 299, [], true],
    ['others', 600, 999, [], true],
  ] as const)('%s from %i to %i are of one class but for %j', (_, from, to, exceptions, transient) => {
    const except = new Set<number>(exceptions);
    for (let status = from; status <= to; status++) {
      expect(isTransientStatus(status), String(status)).toBe(except.has(status) ? !transient : transient);
    }
  });
});

describe('isBitsCode', () => {
  it('knows the codes of BITS from those of the node and from other text', () => {
    for (const code of ['BG_E_EMPTY', 'E_INVALIDARG', 'S_FALSE', 'BG_E_HTTP_ERROR_404'])
      expect(isBitsCode(code)).toBe(true);
    for (const code of ['E_IO', '', 'toString', 'BG_E_HTTP_ERROR_', 'BG_E_HTTP_ERROR_4040', 'BG_E_HTTP_ERROR_40x']) {
      expect(isBitsCode(code), code).toBe(false);
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pairFiles, parseFileSet } from '../../../../src/cli/input/file-set.ts';
import { parseFlags, printFlags } from '../../../../src/cli/input/flags.ts';
import { COST_FLAGS, NOTIFY_FLAGS, SECURITY_FLAGS } from '../../../../src/cli/input/job-flags.ts';
import { findProperty, parseAssignments, propertyNames } from '../../../../src/cli/input/job-properties.ts';
import { parseJobRanges, printJobRanges } from '../../../../src/cli/input/job-ranges.ts';
import { splitWords } from '../../../../src/cli/input/words.ts';
import { JobProperties, JobPropertiesChange } from '../../../../src/job/model/properties.ts';

const refused = (code: string, message?: RegExp) =>
  expect.objectContaining({ code, ...(message === undefined ? {} : { message: expect.stringMatching(message) }) });

describe('splitWords', () => {
  it.each([
    ['http://h/a b', ['http://h/a', 'b']],
    ['  http://h/a\t"my file"  ', ['http://h/a', 'my file']],
    ["http://h/it's 'C:\\my dir\\x'", ["http://h/it's", 'C:\\my dir\\x']],
    ['http://h/a#part b # a note', ['http://h/a#part', 'b']],
    ['# only a note', []],
    ['', []],
    ['"" x', ['', 'x']],
  ])('reads %j', (line, words) => expect(splitWords(line)).toEqual(words));

  it.each(['"open', "a 'open", '"a"b'])('refuses %j', (line) => {
    expect(() => splitWords(line)).toThrow(refused('E_INVALIDARG', /quote/));
  });

  it('gives back words that stand in quotes', () => {
    const word = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).filter((text) => !/["\s]/.test(text));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (words) => {
        expect(splitWords(words.map((text) => `"${text}"`).join('  '))).toEqual(words);
      }),
    );
  });
});

describe('parseFileSet', () => {
  it('reads URL and path of each line, relative to the working directory', () => {
    const text = '\uFEFF# files\r\nhttp://h/a a\r\n\r\nhttp://h/b "sub dir/b" # second\nhttp://h/c /abs';
    expect(parseFileSet(text, 'list', '/w')).toEqual([
      { remoteUrl: 'http://h/a', localName: '/w/a' },
      { remoteUrl: 'http://h/b', localName: '/w/sub dir/b' },
      { remoteUrl: 'http://h/c', localName: '/abs' },
    ]);
  });

  it.each([
    ['http://h/a a\nhttp://h/b', /^list:2: 1 words instead/],
    ['a b c', /^list:1: 3 words/],
    ['\n\nhttp://h/a "a', /^list:3: a quote/],
    ['# nothing', /list names no file/],
    ['', /names no file/],
  ])('refuses %j with its line', (text, message) => {
    expect(() => parseFileSet(text, 'list', '/w')).toThrow(refused('E_INVALIDARG', message));
  });
});

describe('pairFiles', () => {
  it('pairs URLs and paths, and refuses one alone', () => {
    expect(pairFiles([], '/w')).toEqual([]);
    expect(pairFiles(['u', 'p', 'v', '/q'], '/w')).toEqual([
      { remoteUrl: 'u', localName: '/w/p' },
      { remoteUrl: 'v', localName: '/q' },
    ]);
    expect(() => pairFiles(['u', 'p', 'v'], '/w')).toThrow(refused('E_INVALIDARG', /"v" stands alone/));
  });
});

describe('parseJobRanges', () => {
  it('reads what BITS writes and prints it again', () => {
    const ranges = parseJobRanges('24:17, 111:EOF,83:7');
    expect(ranges).toEqual([
      { offset: 24, length: 17 },
      { offset: 111, length: 'EOF' },
      { offset: 83, length: 7 },
    ]);
    expect(printJobRanges(ranges)).toBe('24:17,111:eof,83:7');
  });

  it.each(['', '5', '5:', ':5', '1-2', '1:2,', '-1:2', '1.5:2', '0x1:2', `${'9'.repeat(17)}:1`])(
    'refuses %j',
    (text) => {
      expect(() => parseJobRanges(text)).toThrow(refused('E_INVALIDARG', /is not a range/));
    },
  );
});

describe('flags', () => {
  it('are read by number, by name, or none', () => {
    expect(parseFlags('none', NOTIFY_FLAGS)).toBe(0);
    expect(parseFlags('0x3f', NOTIFY_FLAGS)).toBe(63);
    expect(parseFlags('9', NOTIFY_FLAGS)).toBe(9);
    expect(parseFlags('transferred, error,file-transferred', NOTIFY_FLAGS)).toBe(19);
    expect(parseFlags('unrestricted,ignore-congestion', COST_FLAGS)).toBe(0x80000001);
    expect(() => parseFlags('transfered', NOTIFY_FLAGS)).toThrow(refused('E_INVALIDARG', /no flag "transfered"/));
  });

  it('are printed by name, and bits without a name as a number', () => {
    expect(printFlags(0, NOTIFY_FLAGS)).toBe('none');
    expect(printFlags(3, NOTIFY_FLAGS)).toBe('transferred, error');
    expect(printFlags(0x80000041, { usage: 0x40, congestion: 0x80000000 })).toBe('usage, congestion, 0x1');
    expect(Object.keys(SECURITY_FLAGS)).not.toContain('redirect-mask');
  });

  it('are read as they are printed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x3f }), (bits) => {
        expect(parseFlags(printFlags(bits, NOTIFY_FLAGS), NOTIFY_FLAGS)).toBe(bits);
      }),
    );
  });
});

describe('parseAssignments', () => {
  it('reads every property in a form for people', () => {
    const change = parseAssignments([
      'displayName=a = b',
      'description=',
      'priority=high',
      'minimum-retry-delay=10min',
      'noProgressTimeoutSeconds=14d',
      'maximum_download_time=none',
      'notify-flags=transferred,error',
      'notify-command="/opt/my tool" --job "a b"',
      'webhook=https://h/hook',
      'minimum-notification-interval=2s',
      'custom-headers=X-A: 1',
      'custom-headers=X-B: a:b',
      'custom-headers-write-only=no',
      'proxy=override http://p:1,http://q:2 .local,localhost',
      'security-flags=check-revocation,redirect-disallow',
      'http-method=post',
      'dynamic-content=false',
      'high-performance=on',
      'max-download-size=1.5GiB',
      'on-demand-mode=true',
      'peer-caching-flags=client,server',
      'cost-flags=standard',
      'auto-complete=yes',
    ]);
    expect(change).toEqual({
      displayName: 'a = b',
      description: '',
      priority: 'HIGH',
      minimumRetryDelaySeconds: 600,
      noProgressTimeoutSeconds: 1_209_600,
      maximumDownloadTimeSeconds: null,
      notifyFlags: 3,
      notifyCommand: { program: '/opt/my tool', parameters: ['--job', 'a b'] },
      webhook: { url: 'https://h/hook', secret: '' },
      minimumNotificationIntervalMs: 2000,
      customHeaders: { 'X-A': '1', 'X-B': 'a:b' },
      customHeadersWriteOnly: false,
      proxy: { usage: 'OVERRIDE', list: ['http://p:1', 'http://q:2'], bypass: ['.local', 'localhost'] },
      securityFlags: 0x201,
      httpMethod: 'POST',
      dynamicContent: false,
      highPerformance: true,
      maxDownloadSize: 1_610_612_736,
      onDemandMode: true,
      peerCachingFlags: 3,
      costFlags: 0x80000067,
      autoComplete: true,
    });
    expect(Object.keys(change).sort()).toEqual(Object.keys(JobProperties.shape).sort());
    const acceptable = { ...change, webhook: { url: 'https://h/hook', secret: 's'.repeat(16) } };
    expect(JobPropertiesChange.safeParse(acceptable).success).toBe(true);
  });

  it('takes plain numbers as seconds, milliseconds and bytes, and none as nothing', () => {
    const words = ['minimum-retry-delay=90', 'minimum-notification-interval=250', 'max-download-size=77'];
    expect(parseAssignments(words)).toEqual({
      minimumRetryDelaySeconds: 90,
      minimumNotificationIntervalMs: 250,
      maxDownloadSize: 77,
    });
    const none = [
      'notify-command=none',
      'webhook=none',
      'max-download-size=none',
      'custom-headers=none',
      'proxy=no-proxy',
    ];
    expect(parseAssignments(none)).toEqual({
      notifyCommand: null,
      webhook: null,
      maxDownloadSize: null,
      customHeaders: {},
      proxy: { usage: 'NO_PROXY', list: [], bypass: [] },
    });
  });

  it.each([
    ['nonsense=1', 'BG_E_UNKNOWN_PROPERTY_ID', /no property "nonsense"/],
    ['priority', 'E_INVALIDARG', /not PROPERTY=VALUE/],
    ['=x', 'E_INVALIDARG', /not PROPERTY=VALUE/],
    ['minimum-retry-delay=soon', 'E_INVALIDARG', /^minimum-retry-delay: "soon" is not a time/],
    ['max-download-size=1 XB', 'E_INVALIDARG', /is not a size/],
    ['dynamic-content=maybe', 'E_INVALIDARG', /neither true nor false/],
    ['custom-headers=nothing', 'E_INVALIDARG', /is not a header/],
    ['proxy=a b c d', 'E_INVALIDARG', /too many words/],
    ['notify-command="open', 'E_INVALIDARG', /quote/],
  ])('refuses %s', (word, code, message) => {
    expect(() => parseAssignments([word])).toThrow(refused(code, message));
  });

  it('refuses a property that is given twice', () => {
    expect(() => parseAssignments(['priority=LOW', 'Priority=HIGH'])).toThrow(refused('E_INVALIDARG', /given twice/));
  });

  it('finds each property by the name it tells', () => {
    for (const name of propertyNames()) expect(findProperty(name)).not.toBeNull();
    expect(findProperty('minimum-retry-delay-seconds')).toBe('minimumRetryDelaySeconds');
  });
});

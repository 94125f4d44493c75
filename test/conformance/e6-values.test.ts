import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/job/model/view.ts';
import { covers } from './support/covers.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

const PROGRAM = '/bin/true';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open({ config: { jobs: { notifyPrograms: [PROGRAM] } } });
});
afterAll(() => bench[Symbol.asyncDispose]());

type Property = keyof JobView['properties'];

describe('defaults', () => {
  const cases: readonly (readonly [row: string, property: Property, value: unknown])[] = [
    ['description', 'description', ''],
    ['priority', 'priority', 'NORMAL'],
    ['minimumRetryDelay', 'minimumRetryDelaySeconds', 600],
    ['noProgressTimeout', 'noProgressTimeoutSeconds', 1_209_600],
    ['maximumDownloadTime', 'maximumDownloadTimeSeconds', null],
    ['notifyFlags', 'notifyFlags', 3],
    ['notifyCommand', 'notifyCommand', null],
    ['minimumNotificationInterval', 'minimumNotificationIntervalMs', 500],
    ['proxy', 'proxy', { usage: 'PRECONFIG', list: [], bypass: [] }],
    ['customHeaders', 'customHeaders', {}],
    ['peerCachingFlags', 'peerCachingFlags', 3],
    ['securityFlags', 'securityFlags', 0],
    ['httpMethod', 'httpMethod', 'GET'],
    ['costFlags', 'costFlags', 0x800000ff],
    ['dynamicContent', 'dynamicContent', false],
    ['highPerformance', 'highPerformance', false],
    ['maxDownloadSize', 'maxDownloadSize', null],
    ['onDemandMode', 'onDemandMode', false],
  ];
  it.each(cases.map(([row, ...rest]) => [covers(`E.6/${row}/default`, row), ...rest] as const))(
    '%s',
    async (_, property, value) => {
      expect((await bench.admin.create()).properties[property]).toEqual(value);
    },
  );

  it(covers(['E.6/credentials/default', 'E.6/clientCertificate/default']), async () => {
    expect(await bench.admin.create()).toMatchObject({ credentials: [], clientCertificate: null });
  });
});

describe('what is taken', () => {
  const cases: readonly (readonly [row: string, change: Partial<Record<Property, unknown>>, stored?: object])[] = [
    ['displayName/max', { displayName: 'n'.repeat(256) }],
    ['description/max', { description: 'd'.repeat(1024) }],
    ...['FOREGROUND', 'HIGH', 'NORMAL', 'LOW'].map((priority) => ['priority/values', { priority }] as const),
    ['minimumRetryDelay/floor', { minimumRetryDelaySeconds: 0 }, { minimumRetryDelaySeconds: 5 }],
    ['minimumRetryDelay/floor', { minimumRetryDelaySeconds: 4 }, { minimumRetryDelaySeconds: 5 }],
    ['minimumRetryDelay/floor', { minimumRetryDelaySeconds: 5 }],
    ['minimumRetryDelay/large', { minimumRetryDelaySeconds: 2 ** 31 - 1 }],
    ['noProgressTimeout/any', { noProgressTimeoutSeconds: 0 }],
    ['noProgressTimeout/any', { noProgressTimeoutSeconds: 2 ** 31 - 1 }],
    ['maximumDownloadTime/any', { maximumDownloadTimeSeconds: 1 }],
    ['maximumDownloadTime/any', { maximumDownloadTimeSeconds: 2 ** 31 - 1 }],
    ['notifyFlags/ends', { notifyFlags: 0 }],
    ['notifyFlags/ends', { notifyFlags: 0x3f }],
    ['notifyCommand/parameters-max', { notifyCommand: { program: PROGRAM, parameters: ['p'.repeat(4000)] } }],
    ['peerCachingFlags/values', { peerCachingFlags: 0 }],
    ['peerCachingFlags/values', { peerCachingFlags: 7 }],
    ['securityFlags/all', { securityFlags: 0x1f | 0x100 | 0x800 }],
    ['securityFlags/all', { securityFlags: 0x200 }],
    ['httpMethod/get', { httpMethod: 'GET' }, { httpMethod: 'GET', priority: 'NORMAL' }],
    ['customHeaders/max', { customHeaders: { 'X-A': 'v'.repeat(16_384 - 'X-A: \r\n'.length - 1) } }],
    ['proxy/list-max', { proxy: { usage: 'OVERRIDE', list: proxies(32_000), bypass: [] } }],
    ['proxy/no-proxy', { proxy: { usage: 'NO_PROXY', list: [], bypass: [] } }],
  ];
  it.each(cases.map(([row, ...rest]) => [covers(`E.6/${row}`), ...rest] as const))(
    '%s (%#)',
    async (_, change, stored) => {
      expect((await bench.admin.create(change)).properties).toMatchObject(stored ?? change);
      const { id } = await bench.admin.create();
      expect((await bench.admin.set(id, change)).properties).toMatchObject(stored ?? change);
      expect((await bench.admin.get(id)).properties).toMatchObject(stored ?? change);
    },
  );

  it(covers('E.6/notifyCommand/program-max'), async () => {
    const program = await programOf(260);
    await bench.configure({ jobs: { notifyPrograms: [PROGRAM, program] } });
    expect(await verdict({ notifyCommand: { program } })).toBe('S_OK');
  });

  it(covers('F/command/removed'), async () => {
    const { id } = await bench.admin.create({ notifyCommand: { program: PROGRAM, parameters: [] } });
    expect((await bench.admin.set(id, { notifyCommand: null })).properties.notifyCommand).toBeNull();
  });
});

describe('what is refused', () => {
  const LONG = 'BG_E_STRING_TOO_LONG';
  const cases: readonly (readonly [
    rows: string | readonly string[],
    change: Readonly<Record<string, unknown>>,
    code: string,
  ])[] = [
    [['E.6/displayName/null', 'H/E_INVALIDARG'], { displayName: null }, 'E_INVALIDARG'],
    [['E.6/displayName/too-long', `H/${LONG}`], { displayName: 'n'.repeat(257) }, LONG],
    ['E.6/description/null', { description: null }, 'E_INVALIDARG'],
    ['E.6/description/too-long', { description: 'd'.repeat(1025) }, LONG],
    [['E.6/priority/unknown', 'H/E_NOTIMPL'], { priority: 'URGENT' }, 'E_NOTIMPL'],
    ['E.6/notifyFlags/undefined', { notifyFlags: 0x40 }, 'E_NOTIMPL'],
    ['E.6/notifyCommand/program-too-long', { notifyCommand: { program: `/${'p'.repeat(260)}` } }, LONG],
    [
      'E.6/notifyCommand/parameters-too-long',
      { notifyCommand: { program: PROGRAM, parameters: ['p'.repeat(4001)] } },
      LONG,
    ],
    ['F/command/no-program', { notifyCommand: { parameters: ['alone'] } }, 'E_INVALIDARG'],
    ['F/command/no-path', { notifyCommand: { program: 'true' } }, 'E_INVALIDARG'],
    ['E.6/proxy/unknown', { proxy: { usage: 'GUESS' } }, 'E_NOTIMPL'],
    ['E.6/proxy/autodetect', { proxy: { usage: 'AUTODETECT' } }, 'E_NOTIMPL'],
    ['E.6/proxy/override-without-list', { proxy: { usage: 'OVERRIDE' } }, 'E_INVALIDARG'],
    ['E.6/proxy/list-without-override', { proxy: { usage: 'NO_PROXY', list: ['http://127.0.0.1:1'] } }, 'E_INVALIDARG'],
    ['E.6/proxy/list-without-override', { proxy: { usage: 'PRECONFIG', bypass: ['intern'] } }, 'E_INVALIDARG'],
    [
      ['E.6/proxy/list-too-large', 'H/BG_E_PROXY_LIST_TOO_LARGE'],
      { proxy: { usage: 'OVERRIDE', list: proxies(40_000) } },
      'BG_E_PROXY_LIST_TOO_LARGE',
    ],
    [
      ['E.6/proxy/bypass-too-large', 'H/BG_E_PROXY_BYPASS_LIST_TOO_LARGE'],
      { proxy: { usage: 'OVERRIDE', list: proxies(20), bypass: proxies(40_000) } },
      'BG_E_PROXY_BYPASS_LIST_TOO_LARGE',
    ],
    ['E.6/customHeaders/too-long', { customHeaders: { 'X-A': 'v'.repeat(16_384 - 'X-A: \r\n'.length) } }, LONG],
    ['E.6/customHeaders/line-breaks', { customHeaders: { 'X-A': 'one\r\nX-B: two' } }, 'E_INVALIDARG'],
    ['E.6/peerCachingFlags/undefined', { peerCachingFlags: 8 }, 'E_INVALIDARG'],
    ['E.6/securityFlags/undefined', { securityFlags: 0x20 }, 'E_NOTIMPL'],
    ['E.6/securityFlags/undefined', { securityFlags: 0x1000 }, 'E_NOTIMPL'],
    ['E.6/securityFlags/undefined', { securityFlags: 0x400 }, 'E_NOTIMPL'],
    [
      ['E.6/maxDownloadSize/invalid', 'H/BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE'],
      { maxDownloadSize: 0 },
      'BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE',
    ],
    ['E.6/maxDownloadSize/invalid', { maxDownloadSize: -1 }, 'BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE'],
    [['E.6/property/unknown', 'H/BG_E_UNKNOWN_PROPERTY_ID'], { colour: 'blue' }, 'BG_E_UNKNOWN_PROPERTY_ID'],
    [['E.6/property/read-only', 'H/BG_E_READ_ONLY_PROPERTY'], { owner: 'mallory' }, 'BG_E_READ_ONLY_PROPERTY'],
    ['E.6/property/read-only', { state: 'TRANSFERRED' }, 'BG_E_READ_ONLY_PROPERTY'],
  ];
  it.each(cases.map(([rows, ...rest]) => [covers(rows), ...rest] as const))('%s (%#)', async (_, change, code) => {
    expect(await verdict(change)).toBe(code);
  });

  it(covers('E.6/displayName/required'), async () => {
    expect(await codeOf(bench.admin.ask('POST', '/v1/jobs', { description: 'nameless' }))).toBe('E_INVALIDARG');
  });
});

/** What becomes of a property: the same for a new job as for one that is there, and nothing is changed when it is refused. */
async function verdict(change: Readonly<Record<string, unknown>>): Promise<string> {
  const created = await codeOf(bench.admin.create(change));
  const before = await bench.admin.create();
  expect(await codeOf(bench.admin.set(before.id, change))).toBe(created);
  if (created !== 'S_OK') expect((await bench.admin.get(before.id)).properties).toEqual(before.properties);
  return created;
}

/** Entries that come to about so many characters with what separates them. */
function proxies(characters: number): string[] {
  const entry = 'http://127.0.0.1:1';
  return Array.from({ length: Math.floor(characters / (entry.length + 1)) }, () => entry);
}

/** An executable file whose path has exactly so many characters. */
async function programOf(characters: number): Promise<string> {
  const parent = join(bench.folder(), 'd'.repeat(100));
  const program = join(parent, 'p'.repeat(characters - parent.length - 1));
  await mkdir(dirname(program), { recursive: true });
  await writeFile(program, '#!/bin/sh\n');
  await chmod(program, 0o755);
  return program;
}

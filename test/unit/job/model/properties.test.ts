import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  COST_ALWAYS,
  JobProperties,
  JobPropertiesChange,
  propertyError,
} from '../../../../src/job/model/properties.ts';

const given = { displayName: 'a job' };
/** The code a value is answered with, or null when it is accepted. */
function code(change: Readonly<Record<string, unknown>>, schema: z.ZodType = JobProperties): string | null {
  const result = schema.safeParse(schema === JobProperties ? { ...given, ...change } : change);
  return result.success ? null : propertyError(result.error).code;
}

describe('the properties of a job', () => {
  it('have the defaults of BITS, but for sharing with neighbours, which is what a node is for', () => {
    expect(JobProperties.parse(given)).toEqual({
      displayName: 'a job',
      description: '',
      priority: 'NORMAL',
      minimumRetryDelaySeconds: 600,
      noProgressTimeoutSeconds: 1_209_600,
      maximumDownloadTimeSeconds: null,
      notifyFlags: 3,
      notifyCommand: null,
      webhook: null,
      minimumNotificationIntervalMs: 500,
      customHeaders: {},
      customHeadersWriteOnly: false,
      proxy: { usage: 'PRECONFIG', list: [], bypass: [] },
      securityFlags: 0,
      httpMethod: 'GET',
      dynamicContent: false,
      highPerformance: false,
      maxDownloadSize: null,
      onDemandMode: false,
      peerCachingFlags: 3,
      costFlags: 0x800000ff,
      autoComplete: false,
    });
    expect(COST_ALWAYS).toBe(0x800000ff);
  });

  it('need a name', () => {
    const result = JobProperties.safeParse({});
    expect(propertyError(result.error as z.core.$ZodError).code).toBe('E_INVALIDARG');
    expect(code({ displayName: null })).toBe('E_INVALIDARG');
  });

  it.each([
    ['displayName', 'x'.repeat(256), 'x'.repeat(257), 'BG_E_STRING_TOO_LONG'],
    ['displayName', 'größe 📦', 'a\nb', 'E_INVALIDARG'],
    ['displayName', '', 'a\u0007b', 'E_INVALIDARG'],
    ['description', 'x'.repeat(1024), 'x'.repeat(1025), 'BG_E_STRING_TOO_LONG'],
    ['description', 'two\nlines\tof text', 'a\0b', 'E_INVALIDARG'],
    ['description', '', null, 'E_INVALIDARG'],
    ['priority', 'FOREGROUND', 'URGENT', 'E_NOTIMPL'],
    ['priority', 'LOW', 'low', 'E_NOTIMPL'],
    ['minimumRetryDelaySeconds', 2 ** 31 - 1, 2 ** 31, 'E_INVALIDARG'],
    ['minimumRetryDelaySeconds', 0, -1, 'E_INVALIDARG'],
    ['minimumRetryDelaySeconds', 5, 5.5, 'E_INVALIDARG'],
    ['noProgressTimeoutSeconds', 0, -1, 'E_INVALIDARG'],
    ['noProgressTimeoutSeconds', 1, '1', 'E_INVALIDARG'],
    ['maximumDownloadTimeSeconds', null, -1, 'E_INVALIDARG'],
    ['maximumDownloadTimeSeconds', 1, Number.NaN, 'E_INVALIDARG'],
    ['notifyFlags', 0x3f, 0x40, 'E_NOTIMPL'],
    ['notifyFlags', 0, -1, 'E_NOTIMPL'],
    ['notifyFlags', 8, '8', 'E_INVALIDARG'],
    ['notifyCommand', { program: `/${'x'.repeat(259)}` }, { program: `/${'x'.repeat(260)}` }, 'BG_E_STRING_TOO_LONG'],
    ['notifyCommand', null, { program: '', parameters: [] }, 'E_INVALIDARG'],
    ['notifyCommand', { program: '/x', parameters: ['a'] }, { parameters: ['a'] }, 'E_INVALIDARG'],
    [
      'webhook',
      { url: 'https://a.test/', secret: 's'.repeat(16) },
      { url: 'https://a.test/', secret: 'short' },
      'E_INVALIDARG',
    ],
    ['webhook', null, { url: `https://a.test/${'x'.repeat(2200)}`, secret: 's'.repeat(16) }, 'BG_E_STRING_TOO_LONG'],
    ['minimumNotificationIntervalMs', 0, -1, 'E_INVALIDARG'],
    ['customHeaders', { 'X-A': 'b' }, { 'X-A': 1 }, 'E_INVALIDARG'],
    ['proxy', { usage: 'OVERRIDE', list: ['http://p:1'] }, { usage: 'SOCKS' }, 'E_NOTIMPL'],
    ['proxy', { usage: 'AUTODETECT' }, { usage: 'OVERRIDE', list: 'http://p:1' }, 'E_INVALIDARG'],
    ['securityFlags', 0x91f, 0x20, 'E_NOTIMPL'],
    ['securityFlags', 0x200, 0x300, 'E_NOTIMPL'],
    ['securityFlags', 0x100, 0x400, 'E_NOTIMPL'],
    ['securityFlags', 0, 0x1000, 'E_NOTIMPL'],
    ['httpMethod', 'POST', 'get', 'E_INVALIDARG'],
    ['httpMethod', 'REPORT', 'GET /', 'E_INVALIDARG'],
    ['dynamicContent', true, 1, 'E_INVALIDARG'],
    ['highPerformance', true, 'yes', 'E_INVALIDARG'],
    ['maxDownloadSize', 1, 0, 'BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE'],
    ['maxDownloadSize', null, -1, 'BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE'],
    ['maxDownloadSize', Number.MAX_SAFE_INTEGER, 2 ** 53, 'BG_E_MAX_DOWNLOAD_SIZE_INVALID_VALUE'],
    ['onDemandMode', true, 0, 'E_INVALIDARG'],
    ['peerCachingFlags', 7, 8, 'E_INVALIDARG'],
    ['costFlags', 0x80000021, -1, 'E_INVALIDARG'],
    ['costFlags', 0xffffffff, 2 ** 32, 'E_INVALIDARG'],
    ['autoComplete', true, null, 'E_INVALIDARG'],
  ] as const)('%s takes %j and answers %j with %s', (name, good, bad, expected) => {
    for (const schema of [JobProperties, JobPropertiesChange]) {
      expect(code({ [name]: good }, schema)).toBeNull();
      expect(code({ [name]: bad }, schema)).toBe(expected);
    }
  });

  it('raise a retry delay below 5 seconds without a word', () => {
    expect(JobProperties.parse({ ...given, minimumRetryDelaySeconds: 1 }).minimumRetryDelaySeconds).toBe(5);
    expect(JobPropertiesChange.parse({ minimumRetryDelaySeconds: 0 }).minimumRetryDelaySeconds).toBe(5);
    expect(JobProperties.parse({ ...given, minimumRetryDelaySeconds: 6 }).minimumRetryDelaySeconds).toBe(6);
  });

  it('do not hold others', () => {
    const result = JobProperties.safeParse({ ...given, ['x'.repeat(500)]: 1 });
    const error = propertyError(result.error as z.core.$ZodError);
    expect(error.code).toBe('BG_E_UNKNOWN_PROPERTY_ID');
    expect(error.details).toMatchObject({ property: 'x'.repeat(80), known: expect.arrayContaining(['displayName']) });
  });

  it('say which of them is wrong', () => {
    const result = JobProperties.safeParse({ ...given, proxy: { usage: 'OVERRIDE', list: [1] } });
    expect(propertyError(result.error as z.core.$ZodError).details.property).toBe('proxy.list.0');
  });
});

describe('a change of properties', () => {
  it('holds nothing but what was given', () => {
    expect(JobPropertiesChange.parse({})).toEqual({});
    expect(JobPropertiesChange.parse({ priority: 'HIGH' })).toEqual({ priority: 'HIGH' });
  });
});

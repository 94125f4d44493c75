import { describe, expect, it } from 'vitest';
import { checkTiming, type JobStage, settle } from '../../../../src/job/check/timing.ts';
import { JobProperties, type JobPropertiesChange } from '../../../../src/job/model/properties.ts';
import { codeOf } from '../../../support/error-code.ts';

const properties = (change: JobPropertiesChange = {}) => JobProperties.parse({ displayName: 'a job', ...change });
const code = (change: JobPropertiesChange, stage: Partial<JobStage> = {}) =>
  codeOf(() => checkTiming(change, { type: 'DOWNLOAD', files: 0, everResumed: false, ...stage }));

describe('checkTiming', () => {
  it('lets everything be set on a job that is being made', () => {
    expect(code(properties({ highPerformance: true, maxDownloadSize: 5, customHeadersWriteOnly: true }))).toBeNull();
    expect(code({ httpMethod: 'POST', priority: 'FOREGROUND' })).toBeNull();
  });

  it('fixes highPerformance with the first file', () => {
    expect(code({ highPerformance: true }, { files: 1 })).toBe('BG_E_READ_ONLY_PROPERTY_AFTER_ADDFILE');
    expect(code({ highPerformance: true }, { everResumed: true })).toBeNull();
  });

  it.each([{ dynamicContent: true }, { maxDownloadSize: 1 }, { httpMethod: 'POST' }])(
    'fixes %o with the first resume',
    (change) => {
      expect(code(change, { files: 1 })).toBeNull();
      expect(code(change, { everResumed: true })).toBe('BG_E_READ_ONLY_PROPERTY_AFTER_RESUME');
    },
  );

  it('leaves the other properties open for the whole life of a job', () => {
    const change = { displayName: 'x', priority: 'LOW', minimumRetryDelaySeconds: 9, customHeaders: {} } as const;
    expect(code(change, { files: 3, everResumed: true })).toBeNull();
  });

  it('takes a value that is set already for no change', () => {
    const stage = { files: 1, everResumed: true };
    expect(
      code({ httpMethod: 'GET', dynamicContent: false, highPerformance: false, maxDownloadSize: null }, stage),
    ).toBeNull();
    const current = properties({
      maxDownloadSize: 7,
      customHeadersWriteOnly: true,
      httpMethod: 'POST',
      priority: 'FOREGROUND',
    });
    const same = {
      maxDownloadSize: 7,
      customHeadersWriteOnly: true,
      httpMethod: 'POST',
      priority: 'FOREGROUND',
    } as const;
    expect(code(same, { ...stage, current })).toBeNull();
    expect(code({ maxDownloadSize: null }, { ...stage, current })).toBe('BG_E_READ_ONLY_PROPERTY_AFTER_RESUME');
  });

  it('never shows headers again that were hidden', () => {
    const current = properties({ customHeadersWriteOnly: true });
    expect(code({ customHeadersWriteOnly: false }, { current })).toBe('BG_E_READ_ONLY_PROPERTY');
    expect(code({ customHeadersWriteOnly: true }, { everResumed: true })).toBeNull();
  });

  it('locks the priority of a job with another method than GET', () => {
    const current = properties({ httpMethod: 'POST', priority: 'FOREGROUND' });
    expect(code({ priority: 'HIGH' }, { current })).toBe('BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD');
  });

  it.each(['UPLOAD', 'UPLOAD_REPLY'] as const)('knows that %s has no properties of downloads', (type) => {
    for (const change of [
      { dynamicContent: true },
      { highPerformance: true },
      { maxDownloadSize: 1 },
      { onDemandMode: true },
    ]) {
      expect(code(change, { type })).toBe('BG_E_PROPERTY_SUPPORTED_FOR_DOWNLOAD_JOBS_ONLY');
    }
    expect(code(properties(), { type })).toBeNull();
  });
});

describe('settle', () => {
  const settled = (change: JobPropertiesChange, ranged = false) => settle(properties(change), { ranged });
  const codeFor = (change: JobPropertiesChange, ranged = false) => codeOf(() => settled(change, ranged));

  it('leaves properties alone that go together', () => {
    expect(settled({})).toEqual(properties());
    expect(codeFor({}, true)).toBeNull();
    expect(codeFor({ onDemandMode: true })).toBeNull();
    expect(codeFor({ dynamicContent: true, priority: 'FOREGROUND' })).toBeNull();
  });

  it('makes a job with another method a foreground job', () => {
    expect(settled({ httpMethod: 'POST', priority: 'LOW' })).toEqual(
      properties({ httpMethod: 'POST', priority: 'FOREGROUND' }),
    );
    const code = 'BG_E_NOT_SUPPORTED_WITH_CUSTOM_HTTP_METHOD';
    expect(codeFor({ httpMethod: 'POST', dynamicContent: true })).toBe(code);
    expect(codeFor({ httpMethod: 'POST', onDemandMode: true })).toBe(code);
  });

  it('has dynamic content only in the foreground and without ranges', () => {
    expect(codeFor({ dynamicContent: true })).toBe('BG_E_UNSUPPORTED_JOB_CONFIGURATION');
    expect(codeFor({ dynamicContent: true, priority: 'FOREGROUND' }, true)).toBe('BG_E_UNSUPPORTED_JOB_CONFIGURATION');
  });

  it('has the on-demand mode only where any part can be fetched', () => {
    const code = 'BG_E_RANDOM_ACCESS_NOT_SUPPORTED';
    expect(codeFor({ onDemandMode: true }, true)).toBe(code);
    expect(codeFor({ onDemandMode: true, dynamicContent: true, priority: 'FOREGROUND' })).toBe(code);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loopbackCertificate } from '../support/tls-certificate.ts';
import { covers } from './support/covers.ts';
import { jobIn } from './support/in-state.ts';
import { codeOf } from './support/job-api.ts';
import { JobBench } from './support/job-bench.ts';

let bench: JobBench;
beforeAll(async () => {
  bench = await JobBench.open({ config: { jobs: { notifyPrograms: [process.execPath] } } });
});
afterAll(() => bench[Symbol.asyncDispose]());

const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);

describe('owners', () => {
  it(covers('E.9/owner/creator'), async () => {
    expect((await bench.alice.create()).owner).toBe('alice');
    expect((await bench.bob.create()).owner).toBe('bob');
  });

  it(covers(['E.9/owner/others', 'H/BG_E_NOT_FOUND']), async () => {
    const { id } = await jobIn('SUSPENDED', bench, { user: 'alice' });
    const { bob } = bench;
    const calls = [
      bob.get(id),
      bob.files(id),
      bob.set(id, { description: 'mine' }),
      bob.call(id, 'resume'),
      bob.call(id, 'complete'),
      bob.call(id, 'cancel'),
      bob.addFiles(id, bench.file({ user: 'bob' }).add),
      bob.get('00000000-0000-4000-8000-000000000000'),
    ];
    expect(new Set(await Promise.all(calls.map(codeOf)))).toEqual(new Set(['BG_E_NOT_FOUND']));
    expect((await bench.alice.get(id)).state).toBe('SUSPENDED');
  });

  it(covers('E.9/owner/administrator'), async () => {
    const { id } = await bench.alice.create();
    expect((await bench.admin.set(id, { description: 'seen' })).properties.description).toBe('seen');
    expect(await codeOf(bench.carol.call(id, 'cancel'))).toBe('S_OK');
  });
});

describe('lists', () => {
  it(covers('E.9/list/own'), async () => {
    const mine = await bench.alice.create();
    const theirs = await bench.bob.create();
    expect(ids(await bench.alice.list())).toContain(mine.id);
    expect(ids(await bench.alice.list())).not.toContain(theirs.id);
    expect(ids(await bench.admin.list())).not.toContain(mine.id);
  });

  it(covers('E.9/list/all'), async () => {
    const jobs = [await bench.alice.create(), await bench.bob.create()];
    expect(ids(await bench.admin.list('?allUsers=true'))).toEqual(expect.arrayContaining(ids(jobs)));
  });

  it(covers('E.9/list/all-refused'), async () => {
    expect(await codeOf(bench.alice.list('?allUsers=true'))).toBe('E_ACCESSDENIED');
  });
});

describe('take ownership', () => {
  it(
    covers(['E.9/take/owner', 'E.9/take/credentials', 'E.9/take/certificate', 'E.9/take/headers', 'E.9/take/command']),
    async () => {
      const secret = {
        notifyCommand: { program: process.execPath, parameters: [] },
        customHeaders: { 'X-Key': 'secret' },
      };
      const { id } = await jobIn('SUSPENDED', bench, { user: 'alice', job: secret });
      await bench.alice.ask('PUT', `/v1/jobs/${id}/credentials`, {
        target: 'SERVER',
        scheme: 'BASIC',
        user: 'u',
        password: 'p',
      });
      const { cert, key } = await loopbackCertificate();
      await bench.alice.ask('PUT', `/v1/jobs/${id}/client-certificate`, { certificatePem: cert, keyPem: key });
      expect(await bench.alice.get(id)).toMatchObject({
        credentials: [{ user: 'u' }],
        clientCertificate: {},
        properties: secret,
      });
      const taken = await bench.admin.call(id, 'take-ownership');
      expect(taken).toMatchObject({
        owner: (await bench.admin.create()).owner,
        credentials: [],
        clientCertificate: null,
        properties: { notifyCommand: null, customHeaders: {} },
      });
      expect(await codeOf(bench.alice.get(id))).toBe('BG_E_NOT_FOUND');
    },
  );

  it(covers(['E.9/take/file-access', 'H/BG_E_NEW_OWNER_NO_FILE_ACCESS']), async () => {
    const { id } = await jobIn('SUSPENDED', bench, { user: 'alice' });
    expect(await codeOf(bench.carol.call(id, 'take-ownership'))).toBe('BG_E_NEW_OWNER_NO_FILE_ACCESS');
    expect((await bench.alice.get(id)).owner).toBe('alice');
  });
});

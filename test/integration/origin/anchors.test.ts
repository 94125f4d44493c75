import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { MAX_METALINK_BYTES, METALINK_TYPE } from '../../../src/content/metalink.ts';
import { defaultJobSettings } from '../../../src/origin/job-settings.ts';
import { failureOf, never, OriginFixture } from '../../support/origin-fixture.ts';
import { bytesContent } from '../../support/origin-script.ts';

const DIGEST = createHash('sha256').update('content').digest();
const FIELD = `sha-256=:${DIGEST.toString('base64')}:`;
const LINK = `<file.meta4>; rel=describedby; type="${METALINK_TYPE}"`;
const OPTIONS = { type: METALINK_TYPE, maxBytes: MAX_METALINK_BYTES, signal: never };

test('HEAD asks for the digest of the whole file and reads it, and the link to its description', async () => {
  await using origin = await OriginFixture.open();
  const file = await origin.probe({ headers: { 'repr-digest': FIELD, link: LINK } });
  expect(file.anchors).toEqual({ reprDigest: DIGEST, metalinks: [origin.server.url('/file.meta4')] });
  expect(origin.server.seen.map(({ method, headers }) => [method, headers['want-repr-digest']])).toEqual([
    ['HEAD', 'sha-256=10'],
  ]);
});

test('the digest in the answer for the first byte is that of the whole file as well', async () => {
  await using origin = await OriginFixture.open();
  const file = await origin.probe({ headers: { 'repr-digest': FIELD }, faults: { headStatus: 405 } });
  expect(file.anchors.reprDigest).toEqual(DIGEST);
  expect(origin.server.seen.at(-1)).toMatchObject({
    method: 'GET',
    headers: { range: 'bytes=0-0', 'want-repr-digest': 'sha-256=10' },
  });
});

test('a refused range says nothing about the file', async () => {
  await using origin = await OriginFixture.open();
  const empty = { content: bytesContent(Buffer.alloc(0)), headers: { 'repr-digest': FIELD } };
  const file = await origin.probe({ ...empty, faults: { headStatus: 405 } });
  expect(file).toMatchObject({ size: 0, anchors: { reprDigest: null, metalinks: [] } });
});

test('a redirect may name the description of what it leads to', async () => {
  await using origin = await OriginFixture.open();
  const mirror = origin.serve({ headers: { 'repr-digest': FIELD } }, '/mirror/file');
  const file = await origin.probe({
    headers: { link: LINK, 'repr-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` },
    faults: { redirectTo: mirror },
  });
  expect(file.anchors).toEqual({ reprDigest: DIGEST, metalinks: [origin.server.url('/file.meta4')] });
});

test('a document is fetched with the headers of the job at its origin, and without secrets elsewhere', async () => {
  await using origin = await OriginFixture.open();
  await using other = await OriginFixture.open();
  await using session = origin.client.forJob({ ...defaultJobSettings, headers: { 'x-secret': 's' } });
  const file = await session.probe(origin.serve(), { signal: never });
  const document = bytesContent(Buffer.from('<metalink/>'));
  for (const { server } of [origin, other]) {
    const url = server.serve('/file.meta4', { content: document });
    expect(Buffer.from(await session.fetchDocument(file, url, OPTIONS)).toString()).toBe('<metalink/>');
  }
  expect(origin.server.seen.at(-1)?.headers).toMatchObject({ accept: METALINK_TYPE, 'x-secret': 's' });
  expect(other.server.seen.at(-1)?.headers['x-secret']).toBeUndefined();
});

test('a document that is too large is given up', async () => {
  await using origin = await OriginFixture.open();
  const file = await origin.probe();
  const url = origin.serve({}, '/file.meta4');
  const failure = await failureOf(origin.client.fetchDocument(file, url, { ...OPTIONS, maxBytes: 299_999 }));
  expect(failure.code).toBe('E_ORIGIN_PROTOCOL');
  expect(await origin.client.fetchDocument(file, url, { ...OPTIONS, maxBytes: 300_000 })).toHaveLength(300_000);
});

test('a document that is not there is the error of its status', async () => {
  await using origin = await OriginFixture.open();
  const file = await origin.probe();
  const failure = await failureOf(origin.client.fetchDocument(file, origin.server.url('/none'), OPTIONS));
  expect(failure).toMatchObject({ code: 'E_ORIGIN_STATUS', details: { status: 404 } });
});

test('an https origin cannot send to http for a description, unless the job allows that', async () => {
  await using origin = await OriginFixture.open();
  const file = { ...origin.fileFor(), finalUrl: 'https://origin.example.org/file' };
  const url = origin.serve({}, '/file.meta4');
  const failure = await failureOf(origin.client.fetchDocument(file, url, OPTIONS));
  expect(failure).toMatchObject({ code: 'E_ORIGIN_PROTOCOL' });
  expect(origin.server.seen).toEqual([]);
  await using lenient = origin.client.forJob({ ...defaultJobSettings, allowHttpsToHttp: true });
  expect(await lenient.fetchDocument(file, url, OPTIONS)).toHaveLength(300_000);
});

test('a job without redirects is not sent to another origin for a description either', async () => {
  await using origin = await OriginFixture.open();
  await using other = await OriginFixture.open();
  await using strict = origin.client.forJob({ ...defaultJobSettings, redirects: 'disallow' });
  const file = await origin.probe();
  const failure = await failureOf(strict.fetchDocument(file, other.serve(), OPTIONS));
  expect(failure).toMatchObject({ code: 'E_ORIGIN_PROTOCOL' });
  expect(await strict.fetchDocument(file, origin.serve({}, '/file.meta4'), OPTIONS)).toHaveLength(300_000);
});

test('a document that the job names is fetched without asking about the file, from any origin', async () => {
  await using origin = await OriginFixture.open();
  await using other = await OriginFixture.open();
  await using strict = origin.client.forJob({
    ...defaultJobSettings,
    method: 'POST',
    redirects: 'disallow',
    headers: { 'x-secret': 's' },
  });
  for (const { server } of [origin, other]) {
    const url = server.serve('/file.meta4', { content: bytesContent(Buffer.from('<metalink/>')) });
    const document = await strict.fetchGivenDocument(origin.server.url('/file'), url, OPTIONS);
    expect(Buffer.from(document).toString()).toBe('<metalink/>');
    expect(server.seen.map(({ method, path }) => [method, path])).toEqual([['GET', '/file.meta4']]);
  }
  expect(origin.server.seen[0]?.headers['x-secret']).toBe('s');
  expect(other.server.seen[0]?.headers['x-secret']).toBeUndefined();
});

test('a document that vouches for an https URL comes by https, also when the job names it', async () => {
  await using origin = await OriginFixture.open();
  const url = origin.serve({}, '/file.meta4');
  const failure = await failureOf(origin.client.fetchGivenDocument('https://origin.example.org/f', url, OPTIONS));
  expect(failure).toMatchObject({ code: 'E_ORIGIN_PROTOCOL' });
  expect(failure.message).toContain('is no https URL itself');
  expect(origin.server.seen).toEqual([]);
});

test('the answer that brings a whole file says what it must be', async () => {
  await using origin = await OriginFixture.open();
  const file = await origin.probe({ headers: { 'repr-digest': FIELD, link: LINK }, faults: { noLength: true } });
  const { anchors } = await origin.client.fetchWhole(file, () => {}, never);
  expect(anchors).toEqual({ reprDigest: DIGEST, metalinks: [origin.server.url('/file.meta4')] });
  expect(origin.server.seen.at(-1)?.headers['want-repr-digest']).toBe('sha-256=10');
});

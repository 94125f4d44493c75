import { createHash, randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { METALINK_NAMESPACE, METALINK_TYPE } from '../../src/content/metalink.ts';
import { type DescribedFile, printMetalink } from '../../src/content/write-metalink.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { FileVersion } from '../../src/core/file-version.ts';
import type { TransferId } from '../../src/core/ids.ts';
import { ManualClock } from '../../src/core/manual-clock.ts';
import { findDescriptor } from '../../src/fetch/find-descriptor.ts';
import type { TransferRequestInput } from '../../src/job/model/transfer-view.ts';
import { JobRequest } from '../../src/job/model/view.ts';
import { MetalinkRecord } from '../../src/job/store/metalink-record.ts';
import { silentLogger } from '../../src/observe/log.ts';
import { Database } from '../../src/store/database.ts';
import { testNodeId } from '../support/node-ids.ts';
import { never, OriginFixture } from '../support/origin-fixture.ts';
import { bytesContent, type Content, LAST_MODIFIED, type OriginScript } from '../support/origin-script.ts';
import { OriginServer } from '../support/origin-server.ts';
import { ScriptedNeighbours } from '../support/scripted-neighbours.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BENCH_CALLER, type BenchOptions, TransferBench } from '../support/transfer-bench.ts';

const MIB = 1024 * 1024;
const content = randomBytes(2 * MIB + 4321);
const digest = createHash('sha256').update(content).digest();
const sha256 = digest.toString('hex');
const wrongDigest = Buffer.alloc(32, 1);
const field = (value: Buffer) => ({ 'repr-digest': `sha-256=:${value.toString('base64')}:` });
const LINK = { link: `<file.meta4>; rel=describedby; type="${METALINK_TYPE}"` };

/** Content that is damaged whenever `isDamaged` says so; it is asked for each answer, at its beginning. */
function damagedContent(isDamaged: () => boolean): Content {
  const damaged = Buffer.from(content);
  damaged.fill(0, 100, 200);
  let current: Buffer = content;
  return {
    size: content.length,
    read(start, end) {
      if (start === 0) current = isDamaged() ? damaged : content;
      return current.subarray(start, end);
    },
  };
}

function pieceHashes(pieceSize: number): Uint8Array[] {
  const count = Math.ceil(content.length / pieceSize);
  return Array.from({ length: count }, (_, index) => {
    const piece = content.subarray(index * pieceSize, (index + 1) * pieceSize);
    return createHash('sha256').update(piece).digest();
  });
}

function document(change: Partial<DescribedFile> = {}): string {
  const pieceSize = change.pieceSize ?? MIB;
  const pieces = pieceHashes(pieceSize);
  const base = { name: 'file.bin', size: content.length, sha256: digest, pieceSize, pieces, urls: [] };
  return printMetalink({ ...base, ...change }, 'test');
}

const metalink = (change?: Partial<DescribedFile>) => bytesContent(Buffer.from(document(change)));
const manyFiles = () => {
  const file = (name: string) => `<file name="${name}"><hash type="sha-256">${sha256}</hash></file>`;
  return bytesContent(Buffer.from(`<metalink xmlns="${METALINK_NAMESPACE}">${file('a')}${file('b')}</metalink>`));
};
/** The line of the digest of the whole. */
const WHOLE_HASH = /^ {4}<hash.*\n/m;
const withoutDigest = (change?: Partial<DescribedFile>) =>
  bytesContent(Buffer.from(document(change).replace(WHOLE_HASH, '')));

type RequestOptions = Partial<Pick<TransferRequestInput, 'sha256' | 'ranges' | 'metalink'>>;

let origin: OriginServer;
let dir: Awaited<ReturnType<typeof tempDir>>;

beforeEach(async () => {
  origin = await OriginServer.start();
  dir = await tempDir();
});

afterEach(async () => {
  await origin.stop();
  await dir[Symbol.asyncDispose]();
});

/** Fetches what is served at `/file.bin`. */
async function fetched(
  script: Partial<Pick<OriginScript, 'content' | 'headers' | 'faults'>>,
  options: { bench?: BenchOptions; request?: RequestOptions; path?: string } = {},
) {
  const url = origin.serve(options.path ?? '/file.bin', { content: bytesContent(content), ...script });
  await using bench = await TransferBench.open(dir.path, options.bench);
  const view = await bench.run({ url, ...options.request });
  const trace = await bench.trace(view);
  return { view, trace, codes: trace.map(({ code }) => code) };
}

/** How often the file itself was asked for, and not only for its first byte. */
const bodies = () =>
  origin.seen.filter(
    ({ method, path, headers }) => method === 'GET' && path === '/file.bin' && headers.range !== 'bytes=0-0',
  ).length;

describe('a file whose digest the origin names', () => {
  it('is compared with it and keeps it', async () => {
    const { view, trace } = await fetched({ headers: field(digest) });
    expect(view).toMatchObject({ state: 'completed', sha256, sharing: 'shared' });
    expect(trace.find(({ code }) => code === 'DESCRIPTOR')?.data).toEqual({ anchor: 'repr-digest', sha256 });
    expect(trace.find(({ code }) => code === 'DIGEST_OK')?.text).toContain('Repr-Digest');
  });

  it('is fetched once more when it was damaged on its way', async () => {
    let answers = 0;
    const { view, codes } = await fetched({ content: damagedContent(() => answers++ === 0), headers: field(digest) });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(codes.filter((code) => code.startsWith('DIGEST'))).toEqual(['DIGEST_MISMATCH', 'DIGEST_OK']);
    expect(bodies()).toBe(2);
  });

  it('is an error when it is wrong twice, and nothing is kept of it', async () => {
    const { view } = await fetched({ headers: field(wrongDigest) });
    expect(view).toMatchObject({
      state: 'failed',
      error: { code: 'E_VALIDATION_FAILED', message: 'the file does not match the Repr-Digest of the origin' },
    });
    expect(view.error?.hint).toContain('digest given with the job');
    expect(bodies()).toBe(2);
    for (const name of ['file.bin', 'file.bin.nbpart']) await expect(stat(`${dir.path}/${name}`)).rejects.toThrow();
  });

  it('is fetched from the origin alone when neighbours gave another one, who are not blamed for what the origin says', async () => {
    const forged = Buffer.from(content);
    forged.fill(0, 100, 200);
    const version: FileVersion = {
      size: content.length,
      lastModifiedMs: Date.parse(LAST_MODIFIED),
      etag: `"size-${content.length}"`,
    };
    const neighbours = new ScriptedNeighbours([{ nodeId: testNodeId(1), content, version, forged }]);
    const { view } = await fetched({ headers: field(digest) }, { bench: { neighbours } });
    expect(view).toMatchObject({ state: 'completed', sha256, bytesFromOrigin: content.length });
    expect(neighbours.failures).toEqual([]);
  });

  it('obeys the digest of the job where they differ', async () => {
    const { view, codes } = await fetched({ headers: field(wrongDigest) }, { request: { sha256 } });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(codes).not.toContain('DIGEST_MISMATCH');
  });

  it('is not compared when only a part of it was asked for', async () => {
    const { view, codes } = await fetched({ headers: field(digest) }, { request: { ranges: ['0-99'] } });
    expect(view).toMatchObject({ state: 'completed', sha256: null });
    expect(codes).not.toContain('DESCRIPTOR');
  });
});

describe('a file that a Metalink document describes', () => {
  it('is compared with the digest in the document', async () => {
    origin.serve('/file.meta4', { content: metalink() });
    const { view, trace } = await fetched({ headers: LINK });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(trace.find(({ code }) => code === 'DESCRIPTOR')?.data).toEqual({
      anchor: 'metalink',
      sha256,
      pieces: 3,
      pieceSize: MIB,
    });
  });

  it('is not fetched when headers and document contradict each other', async () => {
    origin.serve('/file.meta4', { content: metalink() });
    const { view } = await fetched({ headers: { ...LINK, ...field(wrongDigest) } });
    expect(view).toMatchObject({ state: 'failed', error: { code: 'E_VALIDATION_FAILED' } });
    expect(view.error?.message).toContain('the Repr-Digest of the origin and the Metalink document');
    expect(bodies()).toBe(0);
  });

  it('does without a document of another version', async () => {
    origin.serve('/file.meta4', { content: metalink({ size: 1, sha256: wrongDigest }) });
    const { view, codes } = await fetched({ headers: LINK });
    expect(view).toMatchObject({ state: 'completed', sha256: null });
    expect(codes).not.toContain('DESCRIPTOR');
  });

  it.each([
    ['is not there', null],
    ['cannot be read', bytesContent(Buffer.from('<!DOCTYPE metalink><metalink/>'))],
    ['describes other files', bytesContent(Buffer.from('<metalink xmlns="urn:ietf:params:xml:ns:metalink"/>'))],
    ['is too large', bytesContent(Buffer.alloc(5 * MIB, ' '))],
  ])('does without a document that %s', async (_, document) => {
    if (document !== null) origin.serve('/file.meta4', { content: document });
    const { view, codes } = await fetched({ headers: LINK });
    expect(view).toMatchObject({ state: 'completed', sha256: null });
    expect(codes).toContain('DESCRIPTOR_FAILED');
  });
});

describe('a file of which only the pieces are known', () => {
  it.each([
    ['the grid of the node', MIB],
    ['a grid of another tool', 300_001],
    ['one piece', 3 * MIB],
  ])('is compared piece by piece, by %s', async (_, pieceSize) => {
    origin.serve('/file.meta4', { content: withoutDigest({ pieceSize }) });
    const { view, trace } = await fetched({ headers: LINK });
    expect(view).toMatchObject({ state: 'completed', sha256: null, sharing: 'shared' });
    const pieces = Math.ceil(content.length / pieceSize);
    expect(trace.find(({ code }) => code === 'DIGEST_OK')?.data).toEqual({ pieces, pieceSize });
  });

  it.each([MIB, 300_001])('is fetched once more when a piece of %i bytes was damaged on its way', async (pieceSize) => {
    let answers = 0;
    origin.serve('/file.meta4', { content: withoutDigest({ pieceSize }) });
    const { view, trace } = await fetched({ content: damagedContent(() => answers++ === 0), headers: LINK });
    expect(view.state).toBe('completed');
    const mismatch = trace.find(({ code }) => code === 'DIGEST_MISMATCH')?.data;
    expect(mismatch).toMatchObject({ piece: 0, pieceSize, anchor: 'metalink' });
  });

  it('is an error when a piece is wrong twice', async () => {
    const pieces = pieceHashes(MIB).with(2, wrongDigest);
    origin.serve('/file.meta4', { content: withoutDigest({ pieces }) });
    const { view } = await fetched({ headers: LINK });
    expect(view).toMatchObject({ state: 'failed', error: { code: 'E_VALIDATION_FAILED' } });
    expect(view.error?.message).toContain('does not match the Metalink document');
    expect(bodies()).toBe(2);
  });
});

describe('a file with a digest given with the job', () => {
  it('uses the pieces of a document that names the same digest', async () => {
    origin.serve('/file.meta4', { content: metalink() });
    const { view, trace } = await fetched({ headers: LINK }, { request: { sha256 } });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    const data = { anchor: 'job-digest', sha256, pieces: 3, pieceSize: MIB };
    expect(trace.find(({ code }) => code === 'DESCRIPTOR')?.data).toEqual(data);
  });

  it.each([
    ['names another digest', () => metalink({ sha256: wrongDigest })],
    ['names no digest', withoutDigest],
  ])('does without the pieces of a document that %s', async (_, served) => {
    origin.serve('/file.meta4', { content: served() });
    const { view, trace } = await fetched({ headers: LINK }, { request: { sha256 } });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(trace.find(({ code }) => code === 'DESCRIPTOR')?.data).toEqual({ anchor: 'job-digest', sha256 });
  });

  it('is an error at once when the origin delivers another file', async () => {
    const { view } = await fetched({}, { request: { sha256: wrongDigest.toString('hex') } });
    expect(view.error?.message).toBe('the file does not match the digest that was asked for');
    expect(bodies()).toBe(1);
  });
});

describe('a file with a Metalink document given with the job', () => {
  const given = (text: string) => ({ request: { metalink: { document: text } } });
  const servedAt = (served: Content) => ({
    request: { metalink: { url: origin.serve('/own.meta4', { content: served }) } },
  });
  const descriptorOf = (trace: readonly { code: string; data: object }[]) =>
    trace.find(({ code }) => code === 'DESCRIPTOR')?.data;

  it('is compared with its text', async () => {
    const { view, trace } = await fetched({}, given(document()));
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(descriptorOf(trace)).toEqual({ anchor: 'job-metalink', sha256, pieces: 3, pieceSize: MIB });
  });

  it('is compared with the document at a URL, which is fetched before the origin is asked', async () => {
    const { view, trace } = await fetched({}, servedAt(metalink()));
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(descriptorOf(trace)).toMatchObject({ anchor: 'job-metalink', sha256, pieces: 3 });
    expect(origin.seen[0]).toMatchObject({ method: 'GET', path: '/own.meta4' });
  });

  it('is compared by pieces alone, of a grid of another tool', async () => {
    const text = document({ pieceSize: 300_001 }).replace(WHOLE_HASH, '');
    const { view, trace } = await fetched({}, given(text));
    expect(view).toMatchObject({ state: 'completed', sha256: null });
    const pieces = Math.ceil(content.length / 300_001);
    expect(trace.find(({ code }) => code === 'DIGEST_OK')?.data).toEqual({ pieces, pieceSize: 300_001 });
  });

  it('is an error at once when the origin delivers another file', async () => {
    const { view } = await fetched({}, given(document({ sha256: wrongDigest })));
    expect(view.error?.message).toBe('the file does not match the Metalink document that was given');
    expect(view.error?.hint).toContain('Check the document');
    expect(bodies()).toBe(1);
  });

  it('obeys the document where the origin says something else', async () => {
    origin.serve('/file.meta4', { content: metalink({ sha256: wrongDigest }) });
    const { view, codes } = await fetched({ headers: { ...LINK, ...field(wrongDigest) } }, given(document()));
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(codes).not.toContain('DIGEST_MISMATCH');
  });

  it('convicts the neighbours that gave another content', async () => {
    const forged = Buffer.from(content);
    forged.fill(0, 100, 200);
    const version = {
      size: content.length,
      lastModifiedMs: Date.parse(LAST_MODIFIED),
      etag: `"size-${content.length}"`,
    };
    const neighbours = new ScriptedNeighbours([{ nodeId: testNodeId(1), content, version, forged }]);
    const { view } = await fetched({}, { bench: { neighbours }, ...given(document()) });
    expect(view).toMatchObject({ state: 'completed', sha256, bytesFromOrigin: content.length });
    expect(neighbours.failures).toMatchObject([{ code: 'E_PEER_BAD_DATA' }]);
  });

  it('may come from neighbours while the origin is down, where only proven content may', async () => {
    const version = {
      size: content.length,
      lastModifiedMs: Date.parse(LAST_MODIFIED),
      etag: `"size-${content.length}"`,
    };
    const neighbours = new ScriptedNeighbours([{ nodeId: testNodeId(1), content, version }]);
    const bench: BenchOptions = { neighbours, policy: { whenOriginDown: 'digest', originRetries: 0 } };
    const { view } = await fetched({ faults: { status: 503 } }, { bench, ...given(document()) });
    expect(view).toMatchObject({ state: 'completed', sha256, bytesFromPeers: content.length });
  });

  it('is not fetched when the document speaks of another size', async () => {
    const { view } = await fetched({}, given(document({ size: content.length - 1 })));
    expect(view.error).toMatchObject({ code: 'E_VALIDATION_FAILED' });
    expect(view.error?.message).toContain(`describes a file of ${content.length - 1} bytes, but this one has`);
    expect(bodies()).toBe(0);
  });

  it.each<[string, () => Content | null, string, string]>([
    ['is not there', () => null, 'E_ORIGIN_STATUS', '404'],
    [
      'cannot be read',
      () => bytesContent(Buffer.from('<!DOCTYPE x><x/>')),
      'E_INVALID_ARGUMENT',
      '/own.meta4: the XML',
    ],
    ['describes other files', () => manyFiles(), 'E_INVALID_ARGUMENT', 'which of its files'],
    ['is too large', () => bytesContent(Buffer.alloc(5 * MIB, ' ')), 'E_ORIGIN_PROTOCOL', '4194304 bytes'],
  ])('is not fetched when the document at a URL %s', async (_, served, code, message) => {
    const there = served();
    const options = there === null ? { request: { metalink: { url: origin.url('/none') } } } : servedAt(there);
    const { view } = await fetched({}, options);
    expect(view).toMatchObject({ state: 'failed', error: { code } });
    expect(view.error?.message).toContain(message);
    expect(origin.seen.filter(({ path }) => path === '/file.bin')).toEqual([]);
  });

  it('is not fetched when the document at a URL names another digest than the job', async () => {
    const { request } = servedAt(metalink());
    const { view } = await fetched({}, { request: { ...request, sha256: wrongDigest.toString('hex') } });
    expect(view).toMatchObject({ state: 'failed', error: { code: 'E_VALIDATION_FAILED' } });
    expect(view.error?.message).toContain('names another SHA-256');
    expect(origin.seen.filter(({ path }) => path === '/file.bin')).toEqual([]);
  });

  it.each<[string, RequestOptions, string, string]>([
    ['a document that is none', { metalink: { document: 'sha256' } }, 'E_INVALIDARG', 'XML'],
    ['ranges', { metalink: { document: document() }, ranges: ['0-9'] }, 'E_INVALIDARG', 'whole files'],
    ['a URL that is none', { metalink: { url: 'ftp://example.org/x' } }, 'E_INVALIDARG', 'URL'],
    [
      'another digest',
      { metalink: { document: document() }, sha256: wrongDigest.toString('hex') },
      'E_VALIDATION_FAILED',
      'another SHA-256',
    ],
  ])('is refused before there is a job, with %s', async (_, request, code, message) => {
    await expect(fetched({}, { request })).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(origin.seen).toEqual([]);
  });

  it('keeps its text over a restart of the node, until the job ended', async () => {
    const answer = Promise.withResolvers<void>();
    const url = origin.serve('/file.bin', { content: bytesContent(content), faults: { waitFor: answer.promise } });
    const localName = `${dir.path}/file.bin`;
    const files = [{ remoteUrl: url, localName, metalink: { document: document({ sha256: wrongDigest }) } }];
    const stored = async () => {
      await using database = await Database.open({ log: silentLogger, emit: () => {} }, { dir: `${dir.path}/jobs` });
      return await Array.fromAsync(database.table('metalinks', MetalinkRecord).keys());
    };
    const request = JobRequest.parse({ displayName: 'a', autoComplete: true, files, resume: true });
    let id: string;
    {
      await using first = await TransferBench.open(dir.path);
      ({ id } = await first.jobs.service.create(BENCH_CALLER, request));
    }
    expect(await stored()).toEqual([`${id}/0`]);
    answer.resolve();
    {
      await using second = await TransferBench.open(dir.path, { resume: true });
      const view = await second.jobs.transfers.settled(BENCH_CALLER, id as TransferId);
      expect(view.error?.message).toBe('the file does not match the Metalink document that was given');
    }
    expect(await stored()).toEqual([]);
  });
});

describe('a file of which the origin names no size', () => {
  const faults = { noLength: true, noRanges: true };

  it('is compared with what the answer says that brings it', async () => {
    const { view, trace } = await fetched({ headers: field(digest), faults });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(trace.find(({ code }) => code === 'DIGEST_OK')?.text).toContain('Repr-Digest');
  });

  it('is fetched once more when it was damaged on its way', async () => {
    const damaged = damagedContent(() => bodies() === 1);
    const { view, codes } = await fetched({ content: damaged, headers: field(digest), faults });
    expect(view).toMatchObject({ state: 'completed', sha256 });
    expect(codes.filter((code) => code.startsWith('DIGEST'))).toEqual(['DIGEST_MISMATCH', 'DIGEST_OK']);
    expect(bodies()).toBe(2);
  });

  it('is an error when it is wrong twice, and nothing is kept of it', async () => {
    const { view } = await fetched({ headers: field(wrongDigest), faults });
    expect(view.error?.message).toBe('the file does not match the Repr-Digest of the origin');
    expect(bodies()).toBe(2);
    for (const name of ['file.bin', 'file.bin.nbpart']) await expect(stat(`${dir.path}/${name}`)).rejects.toThrow();
  });

  it('is compared with the digest in its URL', async () => {
    const path = `/v2/library/x/blobs/sha256:${wrongDigest.toString('hex')}`;
    const { view } = await fetched({ faults }, { path });
    expect(view.error?.message).toBe('the file does not match the digest in the URL');
  });

  it('is an error at once when it is not what the job asked for', async () => {
    const { view } = await fetched({ faults }, { request: { sha256: wrongDigest.toString('hex') } });
    expect(view.error?.message).toBe('the file does not match the digest that was asked for');
    expect(bodies()).toBe(1);
  });

  it('is compared by the pieces of a document that was given', async () => {
    const text = document({ pieceSize: 300_001 }).replace(WHOLE_HASH, '');
    const { view, trace } = await fetched({ faults }, { request: { metalink: { document: text } } });
    expect(view.state).toBe('completed');
    expect(trace.find(({ code }) => code === 'DIGEST_OK')?.data).toMatchObject({ pieceSize: 300_001 });
  });

  it('is an error when one of those pieces is wrong', async () => {
    const text = document({ pieces: pieceHashes(MIB).with(1, wrongDigest) }).replace(WHOLE_HASH, '');
    const { view, trace } = await fetched({ faults }, { request: { metalink: { document: text } } });
    expect(view.error?.message).toBe('the file does not match the Metalink document that was given');
    expect(trace.find(({ code }) => code === 'DIGEST_MISMATCH')?.data).toMatchObject({ piece: 1 });
  });
});

describe('a file whose URL names its digest', () => {
  it('is compared with it', async () => {
    const { view } = await fetched({}, { path: `/v2/library/x/blobs/sha256:${sha256}` });
    expect(view).toMatchObject({ state: 'completed', sha256 });
  });

  it('is an error when it is another file', async () => {
    const { view } = await fetched({}, { path: `/x/by-hash/SHA256/${wrongDigest.toString('hex')}` });
    expect(view.error?.message).toBe('the file does not match the digest in the URL');
  });
});

describe('the search for a descriptor', () => {
  it('gives a document up that does not come in time', async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const intercept = ({ url }: IncomingMessage): boolean => {
      if (url === '/late') asked.resolve();
      return url === '/late';
    };
    await using fixture = await OriginFixture.open({ clock, server: { intercept } });
    const file = { ...fixture.fileFor(), anchors: { reprDigest: digest, metalinks: [fixture.server.url('/late')] } };
    const notes: string[] = [];
    const note = (code: string, text: string) => void notes.push(`${code}: ${text}`);
    const subject = { url: file.url, size: content.length, sha256: null, given: null, file };
    const found = findDescriptor(subject, { clock, origin: fixture.client, note }, never);
    await asked.promise;
    clock.advance(10_000);
    expect(await found).toMatchObject({ sha256: digest, pieces: null, anchor: { kind: 'repr-digest' } });
    expect(notes[0]).toBe('DESCRIPTOR_FAILED: no Metalink document within 10000 ms');
  });

  it('ends with the reason of its signal', async () => {
    const stop = new AbortController();
    const intercept = ({ url }: IncomingMessage): boolean => {
      if (url === '/late') stop.abort(new Error('stopped'));
      return url === '/late';
    };
    await using fixture = await OriginFixture.open({ server: { intercept } });
    const file = { ...fixture.fileFor(), anchors: { reprDigest: null, metalinks: [fixture.server.url('/late')] } };
    const subject = { url: file.url, size: content.length, sha256: null, given: null, file };
    const deps = { clock: systemClock, origin: fixture.client, note: () => {} };
    await expect(findDescriptor(subject, deps, stop.signal)).rejects.toThrow('stopped');
  });
});

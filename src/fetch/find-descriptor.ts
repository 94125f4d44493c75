import { type Claim, chooseAnchor, printAnchor } from '../content/anchors.ts';
import { type Descriptor, pieceCount } from '../content/descriptor.ts';
import { chooseMetalinkFile, MAX_METALINK_BYTES, METALINK_TYPE, parseMetalink } from '../content/metalink.ts';
import { digestInUrl } from '../content/url-digest.ts';
import type { Clock } from '../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { OriginFile } from '../origin/origin-file.ts';
import type { OriginSession } from '../origin/origin-session.ts';
import type { Note } from '../transfer/trace.ts';

/** A Metalink document that takes longer is done without, in ms: the file does not wait for its description. */
const METALINK_TIMEOUT_MS = 10_000;

/** What a descriptor is looked for. */
export interface Subject {
  /** The URL that was asked for. */
  readonly url: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** SHA-256 in hex that was given with the job for the whole file, or null. */
  readonly sha256: string | null;
  /** What the Metalink document of the job says, or null. */
  readonly given: Claim | null;
  /** What the origin said; null while it cannot be reached. */
  readonly file: OriginFile | null;
}

/** What the search works with. */
export interface FindDescriptorDeps {
  readonly clock: Clock;
  readonly origin: OriginSession;
  readonly note: Note;
}

/**
 * Gathers what vouches for the content of a file - the job, the URL, and what the origin says in its headers and in
 * Metalink documents - and makes one descriptor of it, or null when nothing does. A document of the origin that cannot be
 * had or read is noted and done without; none is asked for where the job knows the pieces.
 * @throws NearbitsError E_VALIDATION_FAILED when two of them contradict each other, or the document of the job speaks of
 * another size; or the reason of the signal.
 */
export async function findDescriptor(
  subject: Subject,
  deps: FindDescriptorDeps,
  signal: AbortSignal,
): Promise<Descriptor | null> {
  const { size, file, given } = subject;
  if (given !== null) refuseOtherSize(size, given);
  const asks = file !== null && (given === null || given.pieces === null);
  const metalink = asks ? await firstMetalink(file, deps, signal) : null;
  const claims = [...plainClaims(subject), ...(metalink === null ? [] : [metalink])];
  const descriptor = chooseAnchor(size, claims);
  if (descriptor !== null) noteFound(descriptor, deps.note);
  return descriptor;
}

// Whoever gave the document wants this file and no other version of it.
function refuseOtherSize(size: number, { anchor, size: named, pieces }: Claim): void {
  const fits = pieces === null || pieces.hashes.length === pieceCount(size, pieces.pieceSize);
  if ((named ?? size) === size && fits) return;
  const what = named === null ? `lists pieces of another size` : `describes a file of ${named} bytes`;
  throw new NearbitsError('E_VALIDATION_FAILED', `${printAnchor(anchor)} ${what}, but this one has ${size} bytes`, {
    details: { size, named },
    hint: 'Look for a newer document; or fetch the file without it, if the one at the origin is what you want.',
  });
}

function* plainClaims({ url, sha256, given, file }: Subject): Iterable<Claim> {
  const base = { size: null, pieces: null };
  if (sha256 !== null) yield { ...base, anchor: { kind: 'job-digest' }, sha256: Buffer.from(sha256, 'hex') };
  if (given !== null) yield given;
  const inUrl = digestInUrl(url);
  if (inUrl !== null) yield { ...base, anchor: { kind: 'url-digest', url }, sha256: inUrl };
  const reprDigest = file?.anchors.reprDigest ?? null;
  if (reprDigest !== null) yield { ...base, anchor: { kind: 'repr-digest', url }, sha256: reprDigest };
}

async function firstMetalink(file: OriginFile, deps: FindDescriptorDeps, signal: AbortSignal): Promise<Claim | null> {
  for (const url of file.anchors.metalinks) {
    const claim = await readMetalink(url, file, deps, signal);
    if (claim !== null) return claim;
  }
  return null;
}

async function readMetalink(
  url: string,
  file: OriginFile,
  deps: FindDescriptorDeps,
  signal: AbortSignal,
): Promise<Claim | null> {
  try {
    const bytes = await fetchInTime(url, file, deps, signal);
    const described = chooseMetalinkFile(parseMetalink(bytes), [file.url, file.finalUrl]);
    if (described === null) throw new NearbitsError('E_NOT_FOUND', 'the Metalink document does not name this file');
    const { size, sha256, pieces } = described;
    return { anchor: { kind: 'metalink', url }, size, sha256, pieces };
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = toNearbitsError(error);
    deps.note('DESCRIPTOR_FAILED', message, { code });
    return null;
  }
}

async function fetchInTime(
  url: string,
  file: OriginFile,
  { clock, origin }: FindDescriptorDeps,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const late = new AbortController();
  const timer = clock.after(METALINK_TIMEOUT_MS, () =>
    late.abort(new NearbitsError('E_ORIGIN_TIMEOUT', `no Metalink document within ${METALINK_TIMEOUT_MS} ms`)),
  );
  try {
    const either = AbortSignal.any([signal, late.signal]);
    return await origin.fetchDocument(file, url, { type: METALINK_TYPE, maxBytes: MAX_METALINK_BYTES, signal: either });
  } catch (error) {
    late.signal.throwIfAborted();
    throw error;
  } finally {
    timer.cancel();
  }
}

function noteFound({ anchor, sha256, pieces, pieceSize }: Descriptor, note: Note): void {
  const count = pieces === null ? '' : `, and ${pieces.length} pieces`;
  note('DESCRIPTOR', `${printAnchor(anchor)} vouches for the content${count}`, {
    anchor: anchor.kind,
    sha256: sha256 === null ? null : Buffer.from(sha256).toString('hex'),
    ...(pieces === null ? {} : { pieces: pieces.length, pieceSize }),
  });
}

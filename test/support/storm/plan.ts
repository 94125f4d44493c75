import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ByteRange } from '../../../src/core/byte-range.ts';
import type { FileVersion } from '../../../src/core/file-version.ts';
import type { Random } from '../../../src/core/random.ts';
import { JOB_PRIORITIES, type JobPriority } from '../../../src/job/model/properties.ts';
import type { JobFileRequestInput } from '../../../src/job/model/view.ts';
import { LAST_MODIFIED } from '../origin-script.ts';
import type { OriginServer } from '../origin-server.ts';
import { PseudoRandomFile } from '../pseudo-random-file.ts';

const SMALLEST = 64 * 1024;
const LARGEST = 3 * 1024 * 1024;
/** Files share their bytes with some others, because making them takes time; no two jobs fetch the same URL. */
const SEEDS = 16;

/** What the test does with a job. */
export type Fate =
  /** Completes by itself. */
  | 'auto'
  /** Is completed once the owner was told that it is transferred, as programs do. */
  | 'told'
  /** Is completed at any time, so that some of its files may not be there. */
  | 'early'
  /** Is suspended on its way and stays so until the end. */
  | 'suspended'
  /** Is cancelled at any time. */
  | 'cancelled';

const FATES: readonly Fate[] = [
  'auto',
  'told',
  'early',
  'told',
  'auto',
  'suspended',
  'told',
  'cancelled',
  'auto',
  'told',
];

/** One file of a job, and all that is known of it. */
export interface StormFile {
  readonly url: string;
  /** Path of the URL: how the origin counts. */
  readonly urlPath: string;
  readonly path: string;
  readonly version: FileVersion;
  /** What is wanted of it, in the order of writing. */
  readonly wanted: readonly ByteRange[];
  readonly ranged: boolean;
  /** Digest of the file that must lie there in the end. */
  readonly sha256: string;
}

/** One job as it shall be made. */
export interface StormPlan {
  readonly name: string;
  readonly priority: JobPriority;
  readonly fate: Fate;
  /** Whether it is made and resumed with one call. */
  readonly atOnce: boolean;
  readonly files: readonly StormFile[];
}

/** Makes the plan of so many jobs, and puts their files on the origin. */
export function planJobs(count: number, random: Random, origin: OriginServer, dir: string): StormPlan[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `job-${index}`,
    priority: JOB_PRIORITIES[Math.floor(random() * JOB_PRIORITIES.length)] as JobPriority,
    fate: FATES[index % FATES.length] as Fate,
    atOnce: random() < 0.5,
    files: Array.from({ length: 1 + Math.floor(random() * 3) }, (_, place) =>
      planFile(`${index}-${place}`, random, origin, dir),
    ),
  }));
}

/** The file as the job service is asked for it. */
export function requestOf({ url, path, wanted, ranged }: StormFile): JobFileRequestInput {
  const ranges = wanted.map(({ start, end }) => ({ offset: start, length: end - start }));
  return { remoteUrl: url, localName: path, ...(ranged ? { ranges } : {}) };
}

function planFile(name: string, random: Random, origin: OriginServer, dir: string): StormFile {
  // As many small files as large ones.
  const size = Math.floor(SMALLEST * (LARGEST / SMALLEST) ** random());
  const content = new PseudoRandomFile({ size, seed: Math.floor(random() * SEEDS) });
  const etag = `"${name}"`;
  const urlPath = `/storm/${name}`;
  const ranged = random() < 0.25;
  const wanted = ranged ? someRanges(size, random) : [{ start: 0, end: size }];
  const hash = createHash('sha256');
  for (const { start, end } of wanted) hash.update(content.read(start, end));
  return {
    url: origin.serve(urlPath, { content, etag }),
    urlPath,
    path: join(dir, `${name}.bin`),
    version: { size, lastModifiedMs: Date.parse(LAST_MODIFIED), etag },
    wanted,
    ranged,
    sha256: hash.digest('hex'),
  };
}

/** Two or three parts of the file, the last ones first. */
function someRanges(size: number, random: Random): ByteRange[] {
  const cell = Math.floor(size / 4);
  const cells = [3, 2, 0].filter((_, index) => index === 0 || random() < 0.7);
  return cells.map((index) => {
    const start = index * cell + Math.floor((random() * cell) / 2);
    return { start, end: start + 1 + Math.floor((random() * cell) / 2) };
  });
}

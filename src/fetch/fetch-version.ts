import type { NodeId } from '../core/ids.ts';
import { printBytes } from '../core/units.ts';
import type { ShareVerdict } from '../origin/share.ts';
import { PartFile } from '../transfer/part-file.ts';
import type { JobDeps } from './deps.ts';
import { checkRoom } from './destination.ts';
import { FetchRound } from './fetch-round.ts';
import type { TransferJob } from './transfer-job.ts';
import type { Wish } from './wish.ts';

/** A complete part file and where its bytes came from. */
export interface Fetched {
  readonly part: PartFile;
  /** Whether every byte came from the origin in this run, so that a wrong digest is the origin's fault. */
  readonly allFromOrigin: boolean;
  readonly givers: readonly NodeId[];
  /** What the origin said about sharing while it was fetched. */
  readonly share: ShareVerdict;
}

/**
 * Fetches one version from the cache, the neighbours and the origin until its part file is complete.
 * @throws NearbitsError when no source can complete it; the part file is kept for the next try.
 */
export async function fetchVersion(wish: Wish, job: TransferJob, deps: JobDeps, signal: AbortSignal): Promise<Fetched> {
  const part = await openPart(wish, job);
  try {
    await checkRoom(job.request.destination, part.missing.size);
    const resumed = part.proven.size;
    const round = new FetchRound(wish, part, job, deps);
    await round.run(signal);
    const { peer, cache } = round.transfer.received;
    return {
      part,
      allFromOrigin: peer + cache + resumed === 0,
      givers: round.transfer.givers as NodeId[],
      share: round.share,
    };
  } catch (error) {
    await part.close();
    throw error;
  }
}

async function openPart(wish: Wish, job: TransferJob): Promise<PartFile> {
  const { url, version, ranges } = wish;
  const part = await PartFile.open({ destination: job.request.destination, url, version, ranges });
  job.versionKnown(version, part.wanted.size);
  if (part.dropped !== null) job.note('PART_DROPPED', `an older part file was not continued: ${part.dropped}`);
  if (!part.proven.isEmpty)
    job.note('RESUMED', `${printBytes(part.proven.size)} are there from an earlier run and were checked`);
  return part;
}

import type { ContentId, NodeId } from '../core/ids.ts';
import { printBytes } from '../core/units.ts';
import type { ShareVerdict } from '../origin/share.ts';
import { PartFile } from '../transfer/part-file.ts';
import type { FetchDeps } from './deps.ts';
import { checkRoom } from './destination.ts';
import { FetchRound } from './fetch-round.ts';
import { contentToShare, TogetherRound } from './fetch-together.ts';
import type { FileTask } from './file-task.ts';
import type { Round } from './round.ts';
import type { Wish } from './wish.ts';

/** A complete part file and where its bytes came from; {@link Round.accepted} or {@link Round.refused} follows. */
export interface Fetched extends Pick<Round, 'accepted' | 'refused' | 'isProven'> {
  readonly part: PartFile;
  /** Whether every byte came from the origin in this run, so that a wrong digest is the origin's fault. */
  readonly allFromOrigin: boolean;
  readonly givers: readonly NodeId[];
  /** What the origin said about sharing while it was fetched. */
  readonly share: ShareVerdict;
}

/**
 * Fetches one version from the cache, the neighbours and the origin until its part file is complete. Null when only a
 * part of it is wanted and that part is there; the part file is paused then.
 * @throws NearbitsError when no source can complete it; the part file is kept for the next try.
 */
export async function fetchVersion(
  wish: Wish,
  task: FileTask,
  deps: FetchDeps,
  signal: AbortSignal,
): Promise<Fetched | null> {
  const part = await openPart(wish, task, deps, signal);
  try {
    await checkRoom(task.request.destination, part.missing.size);
    const resumed = part.proven.size;
    const { round, contentId } = chooseRound(wish, part, task, deps);
    const waitEnds = task.request.priority === 'foreground' ? deps.exchange.userWaits(contentId) : null;
    await round.run(signal).finally(waitEnds);
    if (part.isComplete) return fetchedBy(round, part, resumed);
  } catch (error) {
    await pausePart(part, deps);
    throw error;
  }
  await pausePart(part, deps);
  return null;
}

// Together with others where that is possible; the trace says why not.
function chooseRound(
  wish: Wish,
  part: PartFile,
  task: FileTask,
  deps: FetchDeps,
): { readonly round: Round; readonly contentId: ContentId | null } {
  const together = joinOthers(wish, part, task, deps);
  if (typeof together !== 'string') return together;
  const { enabled, minBytes } = deps.policy().swarm;
  // For small files, and where it is off, that is the rule and no news.
  if (enabled && wish.version.size >= minBytes) task.note('SWARM_OFF', `not fetched together with others: ${together}`);
  return { round: new FetchRound(wish, part, task, deps), contentId: null };
}

function joinOthers(
  wish: Wish,
  part: PartFile,
  task: FileTask,
  deps: FetchDeps,
): { readonly round: Round; readonly contentId: ContentId } | string {
  const content = contentToShare(wish, part, task, deps);
  if (typeof content === 'string') return content;
  const round = new TogetherRound(content, wish, part, task, deps);
  return round.join() ?? { round, contentId: content.id };
}

function fetchedBy(round: Round, part: PartFile, resumed: number): Fetched {
  const { peer, cache, givers } = round.fetched;
  return {
    part,
    allFromOrigin: peer + cache + resumed === 0,
    givers,
    share: round.share,
    // A piece that was there in part keeps those bytes, whatever has come since.
    isProven: round.isProven && resumed === 0,
    accepted: () => round.accepted(),
    refused: () => round.refused(),
  };
}

async function openPart(wish: Wish, task: FileTask, deps: FetchDeps, signal: AbortSignal): Promise<PartFile> {
  const { version, ranges } = wish;
  const { destination, direct, partUrl: url } = task.request;
  const warm = deps.warm.take(destination);
  const part = await PartFile.open({ destination, url, version, ranges }, { warm, direct, signal });
  try {
    task.versionKnown(version, part.wanted.size);
  } catch (error) {
    await part.close();
    throw error;
  }
  if (part.dropped !== null) task.note('PART_DROPPED', `an older part file was not continued: ${part.dropped}`);
  if (!part.written.isEmpty)
    task.note('RESUMED', `${printBytes(part.written.size)} are there from an earlier run and were checked`);
  if (!part.proven.isEmpty) task.proven(part.proven);
  return part;
}

/** Keeps what is known of the part file, so that going on with it soon costs no second look at its bytes. */
export async function pausePart(part: PartFile, deps: Pick<FetchDeps, 'warm'>): Promise<void> {
  deps.warm.keep(part.target.destination, await part.suspend());
}

import type { ByteRange } from '../../../src/core/byte-range.ts';
import { RangeSet } from '../../../src/core/range-set.ts';
import { headerOf } from '../../../src/transfer/part-target.ts';
import { readJournal } from '../../../src/transfer/read-journal.ts';
import type { OriginServer, SeenRequest } from '../origin-server.ts';
import type { StormFile } from './plan.ts';

/**
 * Watches that no byte is fetched twice which the journal of its file named when the process was killed. Counts what may
 * be fetched twice: after a kill the bytes that were asked for in that life and that no journal names; and within one
 * life those that were asked for again, because a job that is suspended or preempted drops what is under way.
 */
export class RefetchWatch {
  readonly #origin: OriginServer;
  readonly #sizes: ReadonlyMap<string, number>;
  /** Bytes that need not be fetched again, by path. */
  readonly #safe = new Map<string, RangeSet>();
  /** Files that were completed in the life that runs now. */
  readonly #complete: StormFile[] = [];
  #looked = 0;
  /** Bytes that may have been sent twice so far. */
  atStake = 0;
  /** Each request for bytes that were safe. */
  readonly violations: string[] = [];

  constructor(origin: OriginServer, files: readonly StormFile[]) {
    this.#origin = origin;
    this.#sizes = new Map(files.map(({ urlPath, version }) => [urlPath, version.size]));
  }

  /** Looks at what was asked for since the last call; call it when the process is dead, before the next one. */
  async died(files: readonly StormFile[]): Promise<void> {
    const asked = this.#lookAtRequests();
    for (const { urlPath, version } of this.#complete.splice(0)) {
      this.#safe.set(urlPath, RangeSet.of({ start: 0, end: version.size }));
    }
    for (const file of files) {
      const safe = await journaled(file);
      const known = this.#safe.get(file.urlPath) ?? RangeSet.empty;
      // A file that is complete or given up has no journal any more: what it had counts on.
      this.#safe.set(file.urlPath, known.union(safe));
      if (asked.has(file.urlPath)) this.atStake += RangeSet.of(...file.wanted).subtract(known.union(safe)).size;
    }
  }

  /** The owner wants what is not complete to be dropped; a kill may come after that and before the end of the job. */
  isGivenUp(files: readonly StormFile[]): void {
    for (const { urlPath } of files) this.#safe.delete(urlPath);
  }

  /** All bytes of the file are here: the next lives do not ask for it. */
  isComplete(file: StormFile): void {
    this.#complete.push(file);
  }

  /** Judges the requests of the life that ended; returns what they asked for, by path. */
  #lookAtRequests(): Map<string, RangeSet> {
    const fresh = this.#origin.seen.slice(this.#looked);
    this.#looked += fresh.length;
    const asked = new Map<string, RangeSet>();
    for (const request of fresh.filter(({ method }) => method === 'GET')) {
      const { path } = request;
      const wanted = RangeSet.of(rangeOf(request, this.#sizes.get(path) as number));
      const again = wanted.intersect(this.#safe.get(path) ?? RangeSet.empty);
      if (!again.isEmpty) this.violations.push(`${path}: ${JSON.stringify(again.ranges)} was there already`);
      const before = asked.get(path) ?? RangeSet.empty;
      this.atStake += wanted.intersect(before).size;
      asked.set(path, before.union(wanted));
    }
    return asked;
  }
}

/** What the journal beside the destination names, heads of pieces included; nothing when a kill cut off its first line. */
async function journaled({ path, url, version, wanted }: StormFile): Promise<RangeSet> {
  const journal = await readJournal(
    `${path}.nbpart.log`,
    headerOf({ destination: path, url, version, ranges: wanted }),
  );
  return journal.found === 'lines' ? RangeSet.of(...journal.lines) : RangeSet.empty;
}

function rangeOf({ headers }: SeenRequest, size: number): ByteRange {
  const match = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? 'bytes=0-');
  return { start: Number(match?.[1]), end: match?.[2] ? Number(match[2]) + 1 : size };
}

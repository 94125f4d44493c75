import { NearbitsError } from '../../core/errors.ts';
import type { JobRange } from '../../job/model/view.ts';

const RANGE = /^(\d{1,16}):(\d{1,16}|eof)$/i;

/**
 * Reads ranges as BITS writes them: `OFFSET:LENGTH,OFFSET:LENGTH,OFFSET:eof`, in bytes.
 * @throws NearbitsError E_INVALIDARG; whether they overlap or are too many is judged by the node.
 */
export function parseJobRanges(text: string): JobRange[] {
  return text.split(',').map((part) => {
    const match = RANGE.exec(part.trim());
    if (match === null) throw mistake(part);
    const length = match[2]?.toLowerCase() === 'eof' ? 'EOF' : Number(match[2]);
    return { offset: Number(match[1]), length };
  });
}

/** Prints ranges in the same form. */
export function printJobRanges(ranges: readonly JobRange[]): string {
  return ranges.map(({ offset, length }) => `${offset}:${length === 'EOF' ? 'eof' : length}`).join(',');
}

function mistake(part: string): NearbitsError {
  return new NearbitsError('E_INVALIDARG', `"${part.slice(0, 60)}" is not a range`, {
    hint: 'Write OFFSET:LENGTH in bytes, or OFFSET:eof, with commas between: 0:1024,4096:eof',
  });
}

import { printBytes } from '../../core/units.ts';
import type { JobFileView } from '../../job/model/view.ts';
import { printJobRanges } from '../input/job-ranges.ts';
import { plain, table } from './table.ts';

/** The files of a job: place, bytes, where each stands, and from where to where. */
export function filesTable(files: readonly JobFileView[]): string {
  const rows = files.map((file) => [
    String(file.index),
    fileBytes(file),
    fileState(file),
    `${plain(file.remoteUrl, 2200)} -> ${plain(file.localName, 4096)}${ranges(file)}`,
  ]);
  return table(rows);
}

/** What became of files that are complete: where they are. */
export function completedFiles(files: readonly JobFileView[]): string {
  return files
    .filter(({ completed }) => completed)
    .map((file) => `${plain(file.localName, 4096)}: ${printBytes(file.bytesTransferred)}`)
    .join('\n');
}

function fileBytes({ bytesTransferred, bytesTotal }: JobFileView): string {
  return `${printBytes(bytesTransferred)} of ${bytesTotal === null ? 'unknown size' : printBytes(bytesTotal)}`;
}

function fileState({ transferred, completed, validation, temporaryName }: JobFileView): string {
  if (completed) return 'complete';
  if (validation === 'invalid') return 'invalid';
  if (transferred) return validation === 'valid' ? 'transferred, valid' : 'transferred';
  return temporaryName === null ? 'waiting' : 'working';
}

function ranges({ ranges: wanted }: JobFileView): string {
  return wanted === null ? '' : ` (${plain(printJobRanges(wanted), 200)})`;
}

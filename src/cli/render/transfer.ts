import { printBytes, printDuration } from '../../core/units.ts';
import type { TraceEntry, TransferView } from '../../job/model/transfer-view.ts';
import { percent } from './progress.ts';
import { plain, table } from './table.ts';

/** A transfer that is complete: where the file is, and who gave how much. */
export function completedText(view: TransferView): string {
  const tookMs = (view.finishedMs ?? 0) - (view.startedMs ?? 0);
  const lines = [
    `${plain(view.destination, 1000)}: ${printBytes(view.bytesDone)} in ${printDuration(Math.max(0, tookMs))}`,
  ];
  lines.push(`  ${sourcesText(view)}`);
  if (view.sha256 !== null) lines.push(`  sha256 ${view.sha256}`);
  lines.push(`  ${sharingText(view)}`, `  why: nearbits explain ${view.id}`);
  return lines.join('\n');
}

/** `99 % from neighbours, 1 % from the origin` */
export function sourcesText({
  bytesFromPeers,
  bytesFromOrigin,
  bytesFromCache,
}: Pick<TransferView, 'bytesFromPeers' | 'bytesFromOrigin' | 'bytesFromCache'>): string {
  const all = bytesFromPeers + bytesFromOrigin + bytesFromCache;
  const shares = [
    [bytesFromPeers, 'neighbours'],
    [bytesFromOrigin, 'the origin'],
    [bytesFromCache, 'the cache of this machine'],
  ] as const;
  const present = shares.filter(([bytes]) => bytes > 0);
  if (present.length === 0) return 'no bytes were needed';
  return present.map(([bytes, name]) => `${percent(bytes, all)} from ${name} (${printBytes(bytes)})`).join(', ');
}

function sharingText({ sharing, sharingReason }: TransferView): string {
  if (sharing === 'shared') return 'neighbours can have it from here';
  const reason = sharingReason === null ? '' : `: ${plain(sharingReason)}`;
  return sharing === 'pending' ? 'sharing is not decided yet' : `not shared with neighbours${reason}`;
}

/** Transfers in a table, for `status`. */
export function transferTable(views: readonly TransferView[]): string {
  return table(
    views.map((view) => [
      view.id,
      view.state,
      view.bytesTotal === null ? printBytes(view.bytesDone) : percent(view.bytesDone, view.bytesTotal),
      plain(view.url, 100),
    ]),
  );
}

/** What happened to a transfer and why: one line for each decision, with the time since its start. */
export function explainText(view: TransferView, trace: readonly TraceEntry[]): string {
  const head = [`${view.id}: ${view.state}`, `  ${plain(view.url, 1000)}`, `  to ${plain(view.destination, 1000)}`];
  head.push(`  ${sourcesText(view)}`, `  ${sharingText(view)}`);
  if (view.error !== null) head.push(`  failed: ${plain(view.error.message, 1000)} (${view.error.code})`);
  return `${head.join('\n')}\n\n${traceTable(trace, view.createdMs)}`;
}

/** Decisions one a line, with the time since the start. */
export function traceTable(trace: readonly TraceEntry[], startMs: number): string {
  const rows = trace.map(({ atMs, code, text }) => [
    `+${((atMs - startMs) / 1000).toFixed(3)} s`,
    code,
    plain(text, 1000),
  ]);
  return table(rows);
}

import { printBytes, printDuration } from '../../core/units.ts';
import type { TransferView } from '../../job/model/transfer-view.ts';
import { plain } from './table.ts';

/** The terminal is written to at most this often, in ms. */
const DRAW_INTERVAL_MS = 100;
/** Weight of the newest measurement of the rate. */
const NEWEST = 0.3;

/** What a progress line needs of the terminal. */
export interface ProgressDeps {
  readonly monotonicMs: () => number;
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

/** What is shown of a transfer or job. */
export type Progress = Pick<TransferView, 'state' | 'bytesDone' | 'bytesTotal' | 'bytesFromPeers'>;

/** One line on a terminal that is drawn over itself while a transfer runs. */
export class ProgressLine {
  readonly #deps: ProgressDeps;
  readonly #name: string;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #measured: { readonly atMs: number; readonly bytes: number } | null = null;
  #bytesPerSecond = 0;

  /** `name` stands at the beginning of the line. */
  constructor(deps: ProgressDeps, options: { readonly name: string }) {
    this.#deps = deps;
    this.#name = plain(options.name, 40);
  }

  /** Draws the transfer as it stands, unless the line was drawn a moment ago. */
  update(view: Progress): void {
    const nowMs = this.#deps.monotonicMs();
    if (nowMs - this.#drawnMs < DRAW_INTERVAL_MS) return;
    this.#measure(view.bytesDone, nowMs);
    this.#drawnMs = nowMs;
    const line = progressText(this.#name, view, this.#bytesPerSecond);
    this.#deps.write(`\r\u001b[K${line.slice(0, Math.max(0, this.#deps.columns() - 1))}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#drawnMs !== Number.NEGATIVE_INFINITY) this.#deps.write('\r\u001b[K');
  }

  #measure(bytes: number, atMs: number): void {
    const before = this.#measured;
    this.#measured = { atMs, bytes };
    if (before === null || atMs <= before.atMs) return;
    const rate = (Math.max(0, bytes - before.bytes) * 1000) / (atMs - before.atMs);
    this.#bytesPerSecond = this.#bytesPerSecond === 0 ? rate : this.#bytesPerSecond * (1 - NEWEST) + rate * NEWEST;
  }
}

/** `file.iso   45 %  320 MiB of 700 MiB  85 MiB/s  4.5 s left  98 % from neighbours` */
export function progressText(name: string, view: Progress, bytesPerSecond: number): string {
  const { bytesDone, bytesTotal } = view;
  if (view.state === 'queued') return `${name}  waiting`;
  const parts = [name];
  if (bytesTotal !== null) parts.push(`${percent(bytesDone, bytesTotal).padStart(5)}`);
  parts.push(bytesTotal === null ? printBytes(bytesDone) : `${printBytes(bytesDone)} of ${printBytes(bytesTotal)}`);
  if (bytesPerSecond >= 1) {
    parts.push(`${printBytes(Math.round(bytesPerSecond))}/s`);
    if (bytesTotal !== null) parts.push(`${printDuration(((bytesTotal - bytesDone) * 1000) / bytesPerSecond)} left`);
  }
  if (view.bytesFromPeers > 0) parts.push(`${percent(view.bytesFromPeers, bytesDone)} from neighbours`);
  return parts.join('  ');
}

/** A share as whole percent: never 100 before everything is there. */
export function percent(part: number, whole: number): string {
  return `${whole === 0 ? 100 : Math.floor((part * 100) / whole)} %`;
}

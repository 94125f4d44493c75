import type { Command } from 'commander';
import type { CacheRecordView } from '../../api/views.ts';
import { printVersion } from '../../core/file-version.ts';
import { printBytes, printDuration } from '../../core/units.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import { EXIT } from '../exit.ts';
import type { Run } from '../program.ts';
import { plain, table } from '../render/table.ts';

/** `nearbits cache ...`: what this machine holds for its neighbours. All of it works without a running node too. */
export function addCacheCommands(program: Command, run: Run): void {
  const cache = program.command('cache').description('see and clean what this machine holds for its neighbours');
  cache.command('ls').description('list the records').option('--url <url>', 'only those of this URL').action(run(list));
  cache.command('show').description('show one record').argument('<id>').action(run(show));
  cache
    .command('rm')
    .description('remove one record, or all records of a URL')
    .argument('<id|url>')
    .action(run(remove));
  cache.command('clear').description('remove all records that are not in use').action(run(clear));
  cache
    .command('verify')
    .description('compare every record with its hashes; damaged ones are removed')
    .action(run(verify));
}

const LOOK = { peers: false };

async function list(context: CommandContext, { url }: { url?: string }): CommandResult {
  await context.withNode(LOOK, async ({ cache }) => {
    const records = await Array.fromAsync(cache.list({ url }));
    context.output.result({ records }, () => listText(records, context.clock.wallMs()));
  });
  return undefined;
}

async function show(context: CommandContext, id: string): CommandResult {
  await context.withNode(LOOK, async ({ cache }) => {
    const record = await cache.get(id);
    context.output.result(record, () => recordText(record));
  });
  return undefined;
}

async function remove(context: CommandContext, target: string): CommandResult {
  await context.withNode(LOOK, async ({ cache }) => {
    const isUrl = target.includes('://');
    const result = isUrl ? await cache.removeUrl(target) : { removed: 1, busy: 0 };
    if (!isUrl) await cache.remove(target);
    context.output.result(result, () => removedText(result));
  });
  return undefined;
}

async function clear(context: CommandContext): CommandResult {
  await context.withNode(LOOK, async ({ cache }) => {
    const result = await cache.clear();
    context.output.result(result, () => removedText(result));
  });
  return undefined;
}

async function verify(context: CommandContext): CommandResult {
  const stop = new AbortController();
  const endStop = context.io.onStopSignal(() => stop.abort());
  try {
    return await context.withNode({ ...LOOK, signal: stop.signal }, async ({ cache }) => {
      const report = await cache.verify({ signal: stop.signal });
      const { checked, damaged, bytes } = report;
      const found = damaged.length === 0 ? 'all are good' : `damaged and removed: ${damaged.join(', ')}`;
      context.output.result(report, () => `${count(checked, 'record')}, ${printBytes(bytes)} read: ${found}`);
      return damaged.length === 0 ? EXIT.ok : EXIT.failed;
    });
  } finally {
    endStop();
  }
}

function listText(records: readonly CacheRecordView[], nowMs: number): string {
  if (records.length === 0) return 'the cache is empty';
  const rows = records.map((record) => [
    record.id,
    record.state,
    record.bytes === record.version.size
      ? printBytes(record.bytes)
      : `${printBytes(record.bytes)} of ${printBytes(record.version.size)}`,
    `used ${printDuration(Math.max(0, nowMs - record.lastAccessMs))} ago`,
    plain(record.url),
  ]);
  return table(rows);
}

function recordText(record: CacheRecordView): string {
  return table([
    ['id', record.id],
    ['url', plain(record.url, 2200)],
    ['state', record.state],
    ['version', plain(printVersion(record.version))],
    [
      'held',
      `${printBytes(record.bytes)} in ${count(record.ranges.length, 'range')}: ${plain(record.ranges.join(', '), 500)}`,
    ],
    ['pieces', printBytes(record.pieceSize)],
    ['sha256', record.sha256 ?? 'not known'],
    ['created', new Date(record.createdMs).toISOString()],
    ['last used', new Date(record.lastAccessMs).toISOString()],
  ]);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function removedText({ removed, busy }: { removed: number; busy: number }): string {
  const kept = busy === 0 ? '' : `; ${busy} in use stay, try again in a moment`;
  return `${removed} removed${kept}`;
}

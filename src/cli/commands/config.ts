import type { Command } from 'commander';
import type { ConfigEntry, ConfigReport, WrittenAt } from '../../config/effective.ts';
import { configJsonSchema } from '../../config/json-schema.ts';
import { nearestName } from '../../config/nearest.ts';
import { configError } from '../../config/problem.ts';
import { readConfigFile } from '../../config/read-file.ts';
import { readEffective } from '../../config/store.ts';
import { NearbitsError } from '../../core/errors.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { plain, table } from '../render/table.ts';

/** `nearbits config ...`: what is configured, by whom, and whether it is right. */
export function addConfigCommands(program: Command, run: Run): void {
  const config = program.command('config').description('see and check configuration and policy');
  config
    .command('show')
    .description('show every key with its effective value and who set it')
    .argument('[key...]', 'only these keys or sections')
    .action(run(show));
  config
    .command('check')
    .description('report every mistake in the files, with file and line')
    .argument('[file]', 'check this file instead')
    .action(run(check));
  config.command('schema').description('print the JSON Schema of both files').action(run(schema));
}

async function show(context: CommandContext, names: readonly string[]): CommandResult {
  const report = await currentReport(context);
  const wanted = (entry: ConfigEntry): boolean =>
    names.length === 0 || names.some((name) => entry.key === name || entry.key.startsWith(`${name}.`));
  const chosen = { ...report, entries: report.entries.filter(wanted) };
  if (chosen.entries.length === 0) throw noSuchKey(names[0] ?? '', report);
  context.output.result(chosen, () => reportText(chosen));
  return undefined;
}

function noSuchKey(name: string, { entries }: ConfigReport): NearbitsError {
  const nearest = nearestName(
    name,
    entries.map(({ key }) => key),
  );
  const hint = nearest === null ? 'Run "nearbits config show" to see all keys.' : `Did you mean ${nearest}?`;
  return new NearbitsError('E_NOT_FOUND', `there is no key ${name.slice(0, 80)}`, { hint });
}

/** What the running node goes by; without one, what a node would go by. */
async function currentReport(context: CommandContext): Promise<ConfigReport> {
  if (await context.isDaemonRunning()) return await context.withDaemon((node) => node.config());
  const { report, problems } = await readEffective(context.paths);
  if (problems.length > 0) throw configError(problems);
  return report;
}

async function check(context: CommandContext, file: string | undefined): CommandResult {
  const { problems } = file === undefined ? await readEffective(context.paths) : await readOne(context, file);
  if (problems.length > 0) throw configError(problems);
  context.output.result({ problems: [] }, () => 'no mistakes');
  return undefined;
}

/** A file that is named has to be there. */
async function readOne({ io }: CommandContext, file: string) {
  const { resolve } = await import('node:path');
  const layer = await readConfigFile(resolve(io.workingDir, file));
  if (layer.exists) return layer;
  return { problems: [{ file, line: null, key: null, value: null, message: 'there is no such file', allowed: null }] };
}

async function schema(context: CommandContext): CommandResult {
  const value = configJsonSchema();
  context.output.result(value, () => JSON.stringify(value, null, 2));
  return undefined;
}

function reportText({ configFile, policyFile, entries }: ConfigReport): string {
  const file = ({ path, exists }: ConfigReport['configFile']): string => (exists ? path : `${path} (not there)`);
  const rows = entries.map((entry) => [entry.key, plain(printed(entry.value)), origin(entry)]);
  return `preferences: ${file(configFile)}\npolicy:      ${file(policyFile)}\n\n${table(rows)}`;
}

function origin({ setBy, at, overridden }: ConfigEntry): string {
  const who = at === null ? setBy : `${setBy} (${place(at)})`;
  if (overridden === null) return who;
  return `${who}, overrides ${plain(printed(overridden.value))} from ${place(overridden.at)}`;
}

function place({ file, line }: WrittenAt): string {
  return line === null ? file : `${file}:${line}`;
}

function printed(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

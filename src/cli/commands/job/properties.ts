import type { Command } from 'commander';
import { NearbitsError } from '../../../core/errors.ts';
import type { JobPropertiesChange } from '../../../job/model/properties.ts';
import type { Job } from '../../../sdk/job.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import { parseAssignments, printProperty, propertyNames, splitAssignment } from '../../input/job-properties.ts';
import { parseFileIndex } from '../../input/number.ts';
import { readNamedFile } from '../../input/read-file.ts';
import { readSecret } from '../../input/secret.ts';
import type { Run } from '../../program.ts';
import { rawText, type ValueOf, valueNamed, valueNames } from '../../render/job-value.ts';
import { tellDone, withJob } from './with-job.ts';

const MAX_HEADERS_BYTES = 64 * 1024;

const SET_HELP = `
Properties: ${propertyNames().join(', ')}.
Times have a unit or count seconds, sizes have one or count bytes; flags are numbers or names; none takes away.

Examples:
  nearbits job set updates priority=HIGH minimum-retry-delay=10min max-download-size=4GiB
  nearbits job set updates notify-flags=transferred,error,modification security-flags=check-revocation
  nearbits job set updates proxy="OVERRIDE http://proxy:3128 localhost,.example" custom-headers="X-Site: 7"
  nearbits job set updates custom-headers=@headers.txt      one "Name: value" a line; also @- for standard input
  nearbits job set updates notify-command="/usr/local/bin/done --job" webhook=https://example.com/hook`;

/** `nearbits job set|get`. */
export function addPropertyCommands(job: Command, run: Run): void {
  job
    .command('set')
    .description('change properties of a job')
    .argument('<job>', 'id or name')
    .argument('<property=value...>', 'what to change')
    .option('--secret-file <file>', 'file with the secret of the webhook (default: it is asked for)')
    .addHelpText('after', SET_HELP)
    .action(run(set));
  job
    .command('get')
    .description('print one value of a job and nothing else, for scripts')
    .argument('<job>', 'id or name')
    .argument('<property>', 'what to print')
    .option('--file <index>', 'of which file, counted from 0; for values of files')
    .addHelpText('after', `\nProperties: ${valueNames().join(', ')}.\n\nExample:\n  nearbits job get updates state`)
    .action(run(get));
}

async function set(
  context: CommandContext,
  text: string,
  words: readonly string[],
  { secretFile }: { secretFile?: string },
): CommandResult {
  const assignments = await Promise.all(words.map((word) => withFileRead(context, word)));
  const change = await withSecret(context, parseAssignments(assignments), secretFile);
  return await withJob(context, text, async (job) => {
    const view = await job.set(change);
    const names = [...new Set(words.map((word) => printProperty(splitAssignment(word).name)))];
    tellDone(context, view, `Changed ${names.join(', ')} of job ${job.id}.`);
  });
}

/** Headers may stand in a file, where other users do not see them. */
async function withFileRead(context: CommandContext, word: string): Promise<string> {
  const { name, value } = splitAssignment(word);
  if (name !== 'customHeaders' || !value.startsWith('@')) return word;
  return `${name}=${(await readNamedFile(context, value.slice(1), MAX_HEADERS_BYTES)).trim()}`;
}

async function withSecret(
  context: CommandContext,
  change: JobPropertiesChange,
  file: string | undefined,
): Promise<JobPropertiesChange> {
  if (change.webhook === undefined || change.webhook === null) return change;
  const secret = await readSecret(context, 'Secret of the webhook: ', file);
  return { ...change, webhook: { ...change.webhook, secret } };
}

async function get(context: CommandContext, text: string, name: string, options: { file?: string }): CommandResult {
  const wanted = valueNamed(name);
  const index = indexFor(wanted, name, options.file);
  return await withJob(context, text, async (job) => {
    const value = await readValue(job, wanted, index);
    context.output.result({ property: name, value }, () => rawText(value));
  });
}

function indexFor({ kind }: ValueOf, name: string, file: string | undefined): number {
  if (kind !== 'file') return 0;
  if (file !== undefined) return parseFileIndex(file);
  throw new NearbitsError('E_INVALIDARG', `${name} is a value of a file`, { hint: 'Say which one: --file 0' });
}

async function readValue(job: Job, wanted: ValueOf, index: number): Promise<unknown> {
  if (wanted.kind === 'job') return wanted.read(await job.get());
  if (wanted.kind === 'error') return (await job.error())[wanted.part];
  const file = (await job.files())[index];
  if (file !== undefined) return wanted.read(file);
  throw new NearbitsError('E_INVALIDARG', `the job has no file ${index}`, {
    hint: `Run "nearbits job files ${job.id}" to see its files.`,
  });
}

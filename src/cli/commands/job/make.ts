import { type Command, Option } from 'commander';
import { JOB_PRIORITIES, type JobPriority } from '../../../job/model/properties.ts';
import type { JobFileRequestInput } from '../../../job/model/view.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import { type NamedFile, pairFiles, parseFileSet } from '../../input/file-set.ts';
import { parseJobRanges } from '../../input/job-ranges.ts';
import { readGivenMetalink } from '../../input/metalink.ts';
import { readNamedFile } from '../../input/read-file.ts';
import type { Run } from '../../program.ts';
import { tellDone, withJob } from './with-job.ts';

/** Enough for the largest number of files that a node can be told to take. */
const MAX_FILE_SET_BYTES = 64 * 2 ** 20;

/** `nearbits job create|add|add-set|add-ranges`. */
export function addMakeCommands(job: Command, run: Run): void {
  job
    .command('create')
    .description('make a job; it waits until it is resumed')
    .argument('<name>', 'what people call it')
    .addOption(priorityOption())
    .option('--description <text>', 'what it is for')
    .option('--file <url-path...>', 'URL and PATH of a file; can be repeated')
    .option('--resume', 'begin at once')
    .addHelpText(
      'after',
      `
Examples:
  nearbits job create updates --file https://example.com/a.iso a.iso --resume
  nearbits job create updates --priority LOW`,
    )
    .action(run(create));
  job
    .command('add')
    .description('add a file')
    .argument('<job>', 'id or name')
    .argument('<url>', 'http or https URL')
    .argument('<path>', 'file to write')
    .option('--sha256 <hex>', 'digest that the bytes written must have')
    .option('--metalink <file-or-url>', 'Metalink document that the file must match')
    .option('--no-overwrite', 'refuse when the file exists')
    .action(run(add));
  job
    .command('add-set')
    .description('add the files that a text file names: one "URL PATH" a line, # for comments')
    .argument('<job>', 'id or name')
    .argument('<textfile>', 'the text file, or - for standard input')
    .addHelpText(
      'after',
      '\nExample:\n  printf \'https://example.com/a "my file"\\n\' | nearbits job add-set updates -',
    )
    .action(run(addSet));
  job
    .command('add-ranges')
    .description('add parts of a file; they are written back to back in the order given')
    .argument('<job>', 'id or name')
    .argument('<url>', 'http or https URL')
    .argument('<path>', 'file to write')
    .argument('<ranges>', 'OFFSET:LENGTH in bytes, or OFFSET:eof, with commas between')
    .addHelpText('after', '\nExample:\n  nearbits job add-ranges updates https://example.com/a parts 0:1024,4096:eof')
    .action(run(addRanges));
}

/** The option --priority, in any case of letters. */
export function priorityOption(): Option {
  return new Option('--priority <priority>', `one of ${JOB_PRIORITIES.join(', ')} (default: NORMAL)`).argParser(
    (text) => text.toUpperCase(),
  );
}

interface CreateOptions {
  readonly priority?: JobPriority;
  readonly description?: string;
  readonly file?: readonly string[];
  readonly resume?: boolean;
}

async function create(context: CommandContext, displayName: string, options: CreateOptions): CommandResult {
  const { priority, description } = options;
  const files = pairFiles(options.file ?? [], context.io.workingDir);
  await context.withDaemon(async ({ jobs }) => {
    const request = { displayName, priority, description, files, resume: options.resume === true };
    const { view } = await jobs.create(withoutGaps(request));
    if (view !== null) tellDone(context, view, `Created job ${view.id}.`);
  });
  return undefined;
}

interface AddOptions {
  readonly sha256?: string;
  readonly metalink?: string;
  /** False after --no-overwrite. */
  readonly overwrite: boolean;
}

async function add(
  context: CommandContext,
  job: string,
  url: string,
  path: string,
  { sha256, metalink: named, overwrite }: AddOptions,
): CommandResult {
  const files = pairFiles([url, path], context.io.workingDir);
  const metalink = named === undefined ? undefined : await readGivenMetalink(context, named);
  return await addFiles(
    context,
    job,
    files.map((file) => withoutGaps({ ...file, sha256, metalink, overwrite })),
  );
}

async function addSet(context: CommandContext, job: string, name: string): CommandResult {
  const text = await readNamedFile(context, name, MAX_FILE_SET_BYTES);
  const source = name === '-' ? 'standard input' : name;
  return await addFiles(context, job, parseFileSet(text, source, context.io.workingDir));
}

async function addRanges(context: CommandContext, job: string, url: string, path: string, text: string): CommandResult {
  const ranges = parseJobRanges(text);
  const files = pairFiles([url, path], context.io.workingDir);
  return await addFiles(
    context,
    job,
    files.map((file) => ({ ...file, ranges })),
  );
}

async function addFiles(
  context: CommandContext,
  text: string,
  files: readonly (NamedFile & JobFileRequestInput)[],
): CommandResult {
  return await withJob(context, text, async (job) => {
    const view = await job.addFiles(files);
    const what = files.length === 1 ? '1 file' : `${files.length} files`;
    tellDone(context, view, `Added ${what} to job ${view.id}, which has ${view.files.total} now.`);
  });
}

/** Leaves out what was not given, so that the node fills in its defaults. */
function withoutGaps<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as never;
}

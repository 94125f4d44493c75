import type { Command } from 'commander';
import { NearbitsError } from '../../../core/errors.ts';
import type { CommandContext, CommandResult } from '../../context.ts';
import { parseJobRanges, printJobRanges } from '../../input/job-ranges.ts';
import { parseFileIndex, parseWhole } from '../../input/number.ts';
import type { Run } from '../../program.ts';
import { tellDone, tellResult, withJob } from './with-job.ts';

/** `nearbits job set-url|replace-prefix|validate|ranges|filled|position`: what concerns single files. */
export function addFileCommands(job: Command, run: Run): void {
  const ofJob = (name: string, description: string) =>
    job.command(name).description(description).argument('<job>', 'id or name');
  const ofFile = (name: string, description: string) =>
    ofJob(name, description).argument('<file>', 'place of the file in the job, from 0');
  ofFile('set-url', 'fetch a file from another URL').argument('<url>').action(run(setUrl));
  ofJob('replace-prefix', 'exchange the beginning of all URLs; files that are there stay as they are')
    .argument('<old>', 'beginning to look for; upper and lower case differ')
    .argument('<new>', 'what stands there from now on')
    .action(run(replacePrefix));
  ofFile('validate', 'accept or refuse a file that was transferred')
    .argument('<valid>', 'true or false')
    .action(run(validate));
  ofFile('ranges', 'ask for parts of a file; the job must be in on-demand mode')
    .argument('<ranges>', 'OFFSET:LENGTH in bytes, or OFFSET:eof, with commas between')
    .action(run(requestRanges));
  ofFile('filled', 'print which parts of a file are there, as OFFSET:LENGTH').action(run(filled));
  ofFile('position', 'let what lies behind an offset be fetched first')
    .argument('<offset>', 'offset in the file at the origin, in bytes')
    .action(run(position));
}

async function setUrl(context: CommandContext, text: string, file: string, url: string): CommandResult {
  const index = parseFileIndex(file);
  return await withJob(context, text, async (job) => {
    tellDone(context, await job.setRemoteName(index, url), `File ${index} of job ${job.id} has another URL now.`);
  });
}

async function replacePrefix(context: CommandContext, text: string, from: string, to: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const result = await job.replaceRemotePrefix(from, to);
    tellResult(context, result, `The URLs of job ${job.id} were changed.`, 'No URL begins so; nothing was changed.');
  });
}

async function validate(context: CommandContext, text: string, file: string, word: string): CommandResult {
  const index = parseFileIndex(file);
  const valid = truth(word);
  return await withJob(context, text, async (job) => {
    const view = await job.setValidationState(index, valid);
    tellDone(context, view, `File ${index} of job ${job.id} counts as ${valid ? 'valid' : 'invalid'}.`);
  });
}

async function requestRanges(context: CommandContext, text: string, file: string, words: string): CommandResult {
  const index = parseFileIndex(file);
  const ranges = parseJobRanges(words);
  return await withJob(context, text, async (job) => {
    tellDone(context, await job.requestRanges(index, ranges), `Asked for ${printJobRanges(ranges)} of file ${index}.`);
  });
}

async function filled(context: CommandContext, text: string, file: string): CommandResult {
  const index = parseFileIndex(file);
  return await withJob(context, text, async (job) => {
    const ranges = await job.filledRanges(index);
    context.output.result({ ranges }, () => (ranges.length === 0 ? 'none' : printJobRanges(ranges)));
  });
}

async function position(context: CommandContext, text: string, file: string, offset: string): CommandResult {
  const index = parseFileIndex(file);
  const place = parseWhole(offset, 'an offset');
  return await withJob(context, text, async (job) => {
    await job.updateDownloadPosition(index, place);
    context.output.result({ file: index, offset: place }, () => `What lies behind ${place} is fetched first.`);
  });
}

function truth(word: string): boolean {
  const text = word.toLowerCase();
  if (text === 'true' || text === 'false') return text === 'true';
  throw new NearbitsError('E_INVALIDARG', `"${word.slice(0, 40)}" is neither true nor false`);
}

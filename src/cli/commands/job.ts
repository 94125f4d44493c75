import type { Command } from 'commander';
import type { Run } from '../program.ts';
import { addFileCommands } from './job/file-calls.ts';
import { addLookCommands } from './job/look.ts';
import { addMakeCommands } from './job/make.ts';
import { addMonitorCommand } from './job/monitor.ts';
import { addNotificationsCommand } from './job/notifications.ts';
import { addPropertyCommands } from './job/properties.ts';
import { addSecretCommands } from './job/secrets.ts';
import { addSteerCommands } from './job/steer.ts';

const HELP = `
A job is named by its id or its name. It lives in the running node until it is complete or cancelled, also over restarts.

Examples:
  nearbits job create updates --file https://example.com/a.iso a.iso
  nearbits job resume updates
  nearbits job monitor updates
  nearbits job complete updates`;

/** `nearbits job ...`: the job service of the running node (BITS: bitsadmin). */
export function addJobCommands(program: Command, run: Run): void {
  const job = program
    .command('job')
    .description('make, see and steer jobs of the running node')
    .addHelpText('after', HELP);
  addMakeCommands(job, run);
  addLookCommands(job, run);
  addMonitorCommand(job, run);
  addSteerCommands(job, run);
  addPropertyCommands(job, run);
  addFileCommands(job, run);
  addSecretCommands(job, run);
  addNotificationsCommand(job, run);
}

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { silentLogger } from '../../observe/log.ts';
import type { KnownUser, Users } from '../../security/users.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { plain, table } from '../render/table.ts';

/** `nearbits user ...`: who else may use this node. The file is changed here; a running node sees it by itself. */
export function addUserCommands(program: Command, run: Run): void {
  const user = program.command('user').description('users of this machine that may use the node with a token');
  user
    .command('add')
    .description('add a user and print the token, which is shown only now')
    .argument('<name>')
    .option('--administrator', 'may see and change the jobs of all users, and administer the node')
    .option('--folder <dir...>', 'folder below which the files of this user may be written; can be repeated', [])
    .action(run(add));
  user.command('ls').description('list the users').action(run(list));
  user
    .command('remove')
    .description('remove a user; the token is worth nothing from then on')
    .argument('<name>')
    .action(run(remove));
}

interface AddOptions {
  readonly administrator?: boolean;
  readonly folder: readonly string[];
}

async function add(context: CommandContext, name: string, options: AddOptions): CommandResult {
  const folders = options.folder.map((folder) => resolve(context.io.workingDir, folder));
  const users = await openUsers(context);
  const added = await users.add({ name, administrator: options.administrator === true, folders });
  context.output.result(added, () => added.token);
  context.output.remark(
    `The token is not shown again. ${name} uses it as NEARBITS_TOKEN, over TCP (api.tcp.enabled) with NEARBITS_API.`,
  );
  return undefined;
}

async function list(context: CommandContext): CommandResult {
  const users = (await openUsers(context)).list();
  context.output.result({ users }, () => (users.length === 0 ? 'nobody but the owner of the node' : userTable(users)));
  return undefined;
}

async function remove(context: CommandContext, name: string): CommandResult {
  await (await openUsers(context)).remove(name);
  context.output.result({ removed: name }, () => `${name} may no longer use the node; the jobs of this user stay`);
  return undefined;
}

async function openUsers({ paths }: CommandContext): Promise<Users> {
  const { Users } = await import('../../security/users.ts');
  return await Users.open({ log: silentLogger }, { dataDir: paths.dataDir });
}

function userTable(users: readonly KnownUser[]): string {
  const rows = users.map(({ name, administrator, folders }) => [
    name,
    administrator ? 'administrator' : 'user',
    folders.length === 0 ? 'any folder' : folders.map((folder) => plain(folder)).join(', '),
  ]);
  return table(rows);
}

import { join } from 'node:path';
import type { Command } from 'commander';
import { parseDuration } from '../../config/quantity.ts';
import { NearbitsError } from '../../core/errors.ts';
import { printDuration } from '../../core/units.ts';
import type { Membership } from '../../domain/membership.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import type { Run } from '../program.ts';
import { plain, table } from '../render/table.ts';

/** `nearbits domain ...`: membership. The files are changed here; a running node is told to read them again. */
export function addDomainCommands(program: Command, run: Run): void {
  const domain = program.command('domain').description('make, join and leave the domain whose members share');
  domain
    .command('create')
    .description('make a domain with this machine as its first member')
    .argument('<name>')
    .action(run(create));
  domain
    .command('invite')
    .description('print a token with which other machines join; it is a secret until it expires')
    .option('--expires <time>', 'how long it can be used: 1min to 30d', '24h')
    .action(run(invite));
  domain
    .command('join')
    .description('join with a token')
    .argument('<token>', 'the token, or - to read it from standard input, where other users do not see it')
    .action(run(joinWithToken));
  domain.command('show').description('show the membership of this machine').action(run(show));
  domain.command('leave').description('end the membership of this machine').action(run(leave));
  domain
    .command('revoke')
    .description('put a node, or all who joined by one invitation, on the revocation list of the domain')
    .argument('<node-or-serial>', 'id of the node, or serial number that "domain invite" told')
    .action(run(revokeMember));
}

const folder = ({ paths }: CommandContext): string => join(paths.dataDir, 'domain');

async function create(context: CommandContext, name: string): CommandResult {
  const { createDomain } = await import('../../domain/domain.ts');
  const membership = await createDomain(folder(context), name, await identityOf(context), context.clock);
  return await tellMembership(context, membership, 'Invite others with "nearbits domain invite".');
}

async function invite(context: CommandContext, { expires }: { expires: string }): CommandResult {
  const expiresMs = parseDuration(expires);
  if (expiresMs === null) {
    throw new NearbitsError('E_INVALID_ARGUMENT', `"${expires.slice(0, 40)}" is not a time`, {
      hint: 'Write it with its unit, such as 30min, 24h or 7d.',
    });
  }
  const { createInvite } = await import('../../domain/domain.ts');
  const value = await createInvite(folder(context), context.clock, { expiresMs });
  const until = new Date(value.enrolUntilMs).toISOString();
  context.output.result(value, () => value.token);
  context.output.remark(
    `Usable until ${until}. On the other machine: nearbits domain join TOKEN\n` +
      `If it gets into wrong hands: nearbits domain revoke ${value.serial}`,
  );
  return undefined;
}

async function joinWithToken(context: CommandContext, given: string): CommandResult {
  const token = given === '-' ? await context.io.readInput() : given;
  const { joinDomain } = await import('../../domain/domain.ts');
  const membership = await joinDomain(folder(context), token.trim(), await identityOf(context), context.clock);
  return await tellMembership(context, membership, 'Start the node with "nearbits up".');
}

async function show(context: CommandContext): CommandResult {
  const { loadMembership } = await import('../../domain/membership.ts');
  const identity = await identityOf(context);
  const membership = await loadMembership(folder(context), identity.nodeId, context.clock);
  const value = membership === null ? { domain: null, nodeId: identity.nodeId } : memberValue(membership);
  context.output.result(value, () =>
    membership === null ? 'this machine is in no domain, so peer caching is off' : memberText(membership, context),
  );
  return undefined;
}

async function leave(context: CommandContext): CommandResult {
  const { leaveDomain } = await import('../../domain/domain.ts');
  const left = await leaveDomain(folder(context));
  const reloaded = await context.reloadDaemon();
  context.output.result({ left, reloaded }, () =>
    left ? 'left the domain; peer caching is off' : 'this machine was in no domain',
  );
  return undefined;
}

async function revokeMember(context: CommandContext, target: string): CommandResult {
  const { revoke } = await import('../../domain/revoke.ts');
  await revoke(folder(context), target, context.clock);
  const list = join(folder(context), 'crl.pem');
  const reloaded = await context.reloadDaemon();
  context.output.result(
    { revoked: target, list, reloaded },
    () => `revoked; copy ${list} into the domain directory of the other machines`,
  );
  return undefined;
}

async function identityOf({ paths }: CommandContext) {
  const { loadOrCreateIdentity } = await import('../../peer/identity.ts');
  return await loadOrCreateIdentity(paths.dataDir);
}

async function tellMembership(context: CommandContext, membership: Membership, next: string): CommandResult {
  const reloaded = await context.reloadDaemon();
  context.output.result({ ...memberValue(membership), reloaded }, () => memberText(membership, context));
  context.output.remark(reloaded ? 'The running node takes part from now on.' : next);
  return undefined;
}

function memberValue({ domain, nodeId, notAfterMs, canInvite }: Membership) {
  return { domain, nodeId, notAfterMs, canInvite };
}

function memberText({ domain, nodeId, notAfterMs, canInvite }: Membership, { clock }: CommandContext): string {
  return table([
    ['domain', plain(domain)],
    ['node', nodeId],
    ['expires', `${new Date(notAfterMs).toISOString()}, in ${printDuration(Math.max(0, notAfterMs - clock.wallMs()))}`],
    ['can invite', canInvite ? 'yes: the key of the domain lies here' : 'no'],
  ]);
}

import type { Command } from 'commander';
import type { CommandContext, CommandResult } from '../../context.ts';
import { readNamedFile } from '../../input/read-file.ts';
import { readSecret } from '../../input/secret.ts';
import type { Run } from '../../program.ts';
import { plain } from '../../render/table.ts';
import { tellDone, tellResult, withJob } from './with-job.ts';

const MAX_PEM_BYTES = 65_536;
const TARGET = 'SERVER for the origin, or PROXY';
const SCHEME = 'BASIC, DIGEST or BEARER';

/** `nearbits job set-credentials|remove-credentials|set-certificate|remove-certificate`. */
export function addSecretCommands(job: Command, run: Run): void {
  job
    .command('set-credentials')
    .description('set what the job proves itself with; the password is asked for, or read from standard input')
    .argument('<job>', 'id or name')
    .argument('<target>', TARGET)
    .argument('<scheme>', SCHEME)
    .argument('[user]', 'name of the user; none for BEARER')
    .option('--password-file <file>', 'file with the password, or with the token of BEARER')
    .addHelpText(
      'after',
      '\nExample:\n  nearbits job set-credentials updates SERVER BASIC alice --password-file pass.txt',
    )
    .action(run(setCredentials));
  job
    .command('remove-credentials')
    .description('forget credentials')
    .argument('<job>', 'id or name')
    .argument('<target>', TARGET)
    .argument('<scheme>', SCHEME)
    .action(run(removeCredentials));
  job
    .command('set-certificate')
    .description('set the client certificate of the job')
    .argument('<job>', 'id or name')
    .argument('<cert.pem>', 'certificate, with its chain when the origin needs it')
    .argument('<key.pem>', 'its private key, not encrypted')
    .action(run(setCertificate));
  job
    .command('remove-certificate')
    .description('forget the client certificate')
    .argument('<job>', 'id or name')
    .action(run(removeCertificate));
}

async function setCredentials(
  context: CommandContext,
  text: string,
  target: string,
  scheme: string,
  user: string | undefined,
  { passwordFile }: { passwordFile?: string },
): CommandResult {
  const named = { target: target.toUpperCase(), scheme: scheme.toUpperCase(), user: user ?? null };
  return await withJob(context, text, async (job) => {
    // Asked for only now, so that nobody types a password for a job that is not there.
    await job.get();
    const password = await readSecret(context, named.scheme === 'BEARER' ? 'Token: ' : 'Password: ', passwordFile);
    const view = await job.setCredentials({ ...named, password });
    tellDone(context, view, `Job ${job.id} has ${named.scheme} credentials for ${named.target}.`);
  });
}

async function removeCredentials(context: CommandContext, text: string, target: string, scheme: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const result = await job.removeCredentials(target.toUpperCase(), scheme.toUpperCase());
    tellResult(context, result, `Job ${job.id} has forgotten them.`, 'The job had no such credentials.');
  });
}

async function setCertificate(context: CommandContext, text: string, certificate: string, key: string): CommandResult {
  const certificatePem = await readNamedFile(context, certificate, MAX_PEM_BYTES);
  const keyPem = await readNamedFile(context, key, MAX_PEM_BYTES);
  return await withJob(context, text, async (job) => {
    const view = await job.setClientCertificate({ certificatePem, keyPem });
    const subject = plain(view.clientCertificate?.subject ?? 'it');
    tellDone(context, view, `Job ${job.id} proves itself with the certificate of ${subject}.`);
  });
}

async function removeCertificate(context: CommandContext, text: string): CommandResult {
  return await withJob(context, text, async (job) => {
    const result = await job.removeClientCertificate();
    tellResult(context, result, `Job ${job.id} has forgotten its certificate.`, 'The job had no certificate.');
  });
}

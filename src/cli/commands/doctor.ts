import { styleText } from 'node:util';
import type { Command } from 'commander';
import { readEffective } from '../../config/store.ts';
import { toNearbitsError } from '../../core/errors.ts';
import type { CommandContext, CommandResult } from '../context.ts';
import { type Check, type CheckFacts, type CheckResult, type Finding, fail } from '../doctor/check.ts';
import { EXIT } from '../exit.ts';
import type { Run } from '../program.ts';
import { plain } from '../render/table.ts';

/** `nearbits doctor`: what stands in the way, and the next step for each. */
export function addDoctorCommand(program: Command, run: Run): void {
  program
    .command('doctor')
    .description('check this machine and say what to do; ends with 1 when something does not work')
    .action(run(doctor));
}

async function doctor(context: CommandContext): CommandResult {
  const facts = await gatherFacts(context);
  const findings: Finding[] = [];
  for (const check of await allChecks()) findings.push(...(await runCheck(check, facts)));
  const healthy = findings.every(({ result }) => result !== 'fail');
  context.output.result({ healthy, findings }, () => findingsText(findings));
  return healthy ? EXIT.ok : EXIT.failed;
}

async function allChecks(): Promise<Check[]> {
  const machine = await import('../doctor/machine.ts');
  const setup = await import('../doctor/setup.ts');
  const { checkSwarms } = await import('../doctor/swarm.ts');
  return [
    machine.checkRuntime,
    setup.checkConfig,
    machine.checkDataDir,
    machine.checkDisk,
    machine.checkClock,
    setup.checkDomain,
    setup.checkDaemon,
    setup.checkPorts,
    machine.checkInterfaces,
    checkSwarms,
  ];
}

async function gatherFacts(context: CommandContext): Promise<CheckFacts> {
  const { config, problems } = await readEffective(context.paths);
  const isRunning = await context.isDaemonRunning();
  return {
    paths: context.paths,
    clock: context.clock,
    config: problems.length > 0 ? null : config,
    status: isRunning ? await context.withDaemon((node) => node.status()) : null,
  };
}

async function runCheck(check: Check, facts: CheckFacts): Promise<Finding[]> {
  try {
    return await check(facts);
  } catch (error) {
    return [fail(check.name, toNearbitsError(error).message, 'This check itself failed; please report it.')];
  }
}

const COLOURS: Readonly<Record<CheckResult, 'green' | 'yellow' | 'red'>> = {
  pass: 'green',
  warn: 'yellow',
  fail: 'red',
};

function findingsText(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ name, result, text, next }) => {
    // styleText looks at the terminal and at NO_COLOR itself.
    const line = `${styleText(COLOURS[result], result)}  ${name}: ${plain(text, 500)}`;
    return next === null ? [line] : [line, `      next: ${next}`];
  });
  return lines.join('\n');
}

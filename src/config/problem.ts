import { NearbitsError } from '../core/errors.ts';

/** One thing that is wrong in a configuration file. */
export interface ConfigProblem {
  /** Path of the file, or `program` for preferences handed over by an embedding program. */
  readonly file: string;
  /** Line, from 1; null when it has none. */
  readonly line: number | null;
  /** Full name of the key as far as it is known, such as `search.peerTimeout`. */
  readonly key: string | null;
  /** What is written there, shortened; null when nothing is. */
  readonly value: string | null;
  /** The sentence for people, without the place. */
  readonly message: string;
  /** What would be accepted, or null. */
  readonly allowed: string | null;
}

/** One line for people: place, what is wrong, what is allowed. */
export function printProblem(problem: ConfigProblem): string {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}`;
  const allowed = problem.allowed === null ? '' : ` (allowed: ${problem.allowed})`;
  return `${place}: ${problem.message}${allowed}`;
}

/** The one error for all problems at once. */
export function configError(problems: readonly ConfigProblem[]): NearbitsError {
  const lines = problems.map(printProblem);
  const message = lines.length === 1 ? `${lines[0]}` : `${lines.length} problems:\n  ${lines.join('\n  ')}`;
  return new NearbitsError('E_CONFIG', message, {
    details: { problems },
    hint: 'Correct the file and run "nearbits config check"; every key is described in docs/CONFIG.md.',
  });
}

import type { Reporter, TestCase } from 'vitest/node';
import type { Row } from '../rows/row.ts';
import { ROWS } from '../rows.ts';
import { coveredBy } from './covers.ts';

/** Prints how many rows of the reference the conformance suite covers, and which it does not. */
export default class RowReporter implements Reporter {
  readonly #passed = new Set<string>();
  readonly #failed = new Set<string>();

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    for (const id of coveredBy(test.fullName)) (state === 'passed' ? this.#passed : this.#failed).add(id);
  }

  onTestRunEnd(): void {
    if (this.#passed.size + this.#failed.size > 0) process.stdout.write(summary(this.#passed, this.#failed));
  }
}

/** A row counts only when every test that names it passed. */
export function summary(passed: ReadonlySet<string>, failed: ReadonlySet<string>): string {
  const counted = ROWS.filter((row) => row.windowsOnly === undefined);
  const covered = counted.filter((row) => passed.has(row.id) && !failed.has(row.id));
  const missing = counted.filter((row) => !covered.includes(row));
  const changed = covered.filter((row) => row.changed !== undefined).length;
  const later = missing.filter((row) => row.later !== undefined).length;
  return [
    '',
    `Conformance: ${covered.length} of ${counted.length} rows of the reference are covered (${changed} of them in a ` +
      `changed form); ${later} wait for what is not built yet; ${ROWS.length - counted.length} more are Windows only.`,
    ...(missing.length === 0 ? [] : ['Not covered:']),
    ...missing.map((row) => `  ${row.id}: ${whyNot(row, failed)}`),
    '',
  ].join('\n');
}

function whyNot(row: Row, failed: ReadonlySet<string>): string {
  if (failed.has(row.id)) return 'its test failed or was skipped';
  if (row.later !== undefined) return `later: ${row.later}`;
  return row.notProvokable ?? 'its test did not run';
}

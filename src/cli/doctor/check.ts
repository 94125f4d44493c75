import type { NodeStatus } from '../../api/views.ts';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { NodePaths } from '../../platform/paths.ts';

/** How one check went: `warn` works but will not for long, or not fully; `fail` does not work. */
export type CheckResult = 'pass' | 'warn' | 'fail';

/** What one check found. */
export interface Finding {
  /** What was looked at: `data directory`. */
  readonly name: string;
  readonly result: CheckResult;
  readonly text: string;
  /** The next step; null when there is nothing to do. */
  readonly next: string | null;
}

/** What the checks look at. */
export interface CheckFacts {
  readonly paths: NodePaths;
  readonly clock: Clock;
  /** The configuration a node would use, or null when it has mistakes. */
  readonly config: Config | null;
  /** Status of the running node, or null when none answers. */
  readonly status: NodeStatus | null;
}

/** One check; it reports trouble as a finding and throws only for what it cannot explain. */
export type Check = (facts: CheckFacts) => Promise<Finding[]>;

/** Everything is as it should be. */
export function pass(name: string, text: string): Finding {
  return { name, result: 'pass', text, next: null };
}

/** It works, but somebody should look. */
export function warn(name: string, text: string, next: string): Finding {
  return { name, result: 'warn', text, next };
}

/** It does not work. */
export function fail(name: string, text: string, next: string): Finding {
  return { name, result: 'fail', text, next };
}

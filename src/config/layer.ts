import type { z } from 'zod';
import { CONFIG_KEYS, CONFIG_SECTIONS, findKey } from './key-list.ts';
import { nearestName } from './nearest.ts';
import type { ConfigProblem } from './problem.ts';
import { ConfigSchema } from './schema.ts';

/** One value of one key in one layer. */
export interface LayerEntry {
  /** As it was written. */
  readonly written: unknown;
  /** As the schema read it. */
  readonly parsed: unknown;
  readonly line: number | null;
}

/** What one file, or one program, says; keys it does not name are not in it. */
export interface ConfigLayer {
  /** Path of the file, or `program`. */
  readonly file: string;
  /** Whether the file was there. */
  readonly exists: boolean;
  readonly entries: ReadonlyMap<string, LayerEntry>;
  readonly problems: readonly ConfigProblem[];
}

/** Finds the line of a path in the file, or null. */
export type LineOf = (path: readonly string[]) => number | null;

/** Checks a value tree against the schema and takes it apart into keys. */
export function layerFromTree(tree: unknown, file: string, lineOf: LineOf = () => null): ConfigLayer {
  const filled = fillEmptySections(tree);
  const result = ConfigSchema.safeParse(filled);
  if (!result.success) {
    const problems = result.error.issues.flatMap((issue) => toProblems(issue, filled, file, lineOf));
    problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    return { file, exists: true, entries: new Map(), problems };
  }
  const entries = new Map<string, LayerEntry>();
  for (const { name, path } of CONFIG_KEYS) {
    const parsed = valueAt(result.data, path);
    if (parsed !== undefined) entries.set(name, { written: valueAt(filled, path), parsed, line: lineOf(path) });
  }
  return { file, exists: true, entries, problems: [] };
}

/** A layer that says nothing. */
export function emptyLayer(file: string): ConfigLayer {
  return { file, exists: false, entries: new Map(), problems: [] };
}

/** The value at a path of nested objects; undefined when there is none. */
export function valueAt(tree: unknown, path: readonly string[]): unknown {
  let value = tree;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** A section whose keys are all commented out is null in YAML; people mean "nothing here". */
function fillEmptySections(tree: unknown, path: readonly string[] = []): unknown {
  if (tree === null) return path.length === 0 || isSection(path) ? {} : null;
  if (typeof tree !== 'object' || Array.isArray(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => [name, fillEmptySections(value, [...path, name])]),
  );
}

function isSection(path: readonly string[]): boolean {
  const name = path.join('.');
  return CONFIG_SECTIONS.some((section) => section.name === name);
}

const ALL_NAMES = [...CONFIG_SECTIONS.map(({ name }) => name), ...CONFIG_KEYS.map(({ name }) => name)];

function toProblems(issue: z.core.$ZodIssue, tree: unknown, file: string, lineOf: LineOf): ConfigProblem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => unknownKey([...path, name], file, lineOf));
  }
  const key = path.join('.');
  const known = findKey(key);
  const value = print(valueAt(tree, path));
  const what = known === undefined ? 'is a section: write its keys indented below it' : reason(issue);
  return [
    {
      file,
      line: lineOf(path),
      key: key === '' ? null : key,
      value,
      message:
        key === '' ? 'the file holds no keys with values' : `${key}: ${known === undefined ? key : value} ${what}`,
      allowed: known?.allowed ?? null,
    },
  ];
}

function unknownKey(path: readonly string[], file: string, lineOf: LineOf): ConfigProblem {
  const key = path.join('.').slice(0, 200);
  const nearest = nearestName(key, ALL_NAMES);
  return {
    file,
    line: lineOf(path),
    key,
    value: null,
    message: `there is no key ${key}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
    allowed: null,
  };
}

/** The end of the sentence that starts with the value. Custom issues bring their own. */
function reason(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return issue.message;
  return issue.code === 'too_big' || issue.code === 'too_small' ? 'is out of range' : 'is not allowed';
}

function print(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 120);
}

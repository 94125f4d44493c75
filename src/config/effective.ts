import { isDeepStrictEqual } from 'node:util';
import { type Config, deepFreeze, toConfig } from './config.ts';
import { CONFIG_KEYS, type ConfigKey } from './key-list.ts';
import type { ConfigLayer } from './layer.ts';
import type { ConfigProblem } from './problem.ts';
import type { Settings } from './schema.ts';

/** Who decided the value of a key. */
export type SetBy = 'default' | 'preference' | 'policy';

/** Where a value is written. */
export interface WrittenAt {
  /** Path of the file, or `program`. */
  readonly file: string;
  /** From 1; null for `program`. */
  readonly line: number | null;
}

/** The effective value of one key and where it comes from. */
export interface ConfigEntry {
  readonly key: string;
  /** As written, or the default as it would be written. */
  readonly value: unknown;
  readonly setBy: SetBy;
  /** Null for defaults. */
  readonly at: WrittenAt | null;
  /** A preference that has no effect because the policy says something else; null when there is none. */
  readonly overridden: { readonly value: unknown; readonly at: WrittenAt } | null;
}

/** All keys with their values and where the files are. */
export interface ConfigReport {
  readonly configFile: { readonly path: string; readonly exists: boolean };
  readonly policyFile: { readonly path: string; readonly exists: boolean };
  readonly entries: readonly ConfigEntry[];
}

/** The three layers above the defaults; later ones win: file, program, policy. */
export interface ConfigLayers {
  readonly file: ConfigLayer;
  /** What an embedding program or the command line asked for, or null. */
  readonly program: ConfigLayer | null;
  readonly policy: ConfigLayer;
}

/** What the layers come to. When there are problems, `config` must not be used. */
export interface Effective {
  readonly config: Config;
  readonly report: ConfigReport;
  readonly problems: readonly ConfigProblem[];
  /** Parsed value of each key, by full name; for comparing. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** Lays policy over preferences over defaults, and checks what no single key can tell. */
export function combineLayers(layers: ConfigLayers): Effective {
  const values = new Map<string, unknown>();
  const entries: ConfigEntry[] = [];
  for (const key of CONFIG_KEYS) {
    const { parsed, entry } = decide(key, layers);
    values.set(key.name, parsed);
    entries.push(entry);
  }
  // The values were read by the schema key by key, so together they have the type of the whole schema.
  const config = toConfig(nest(values) as Settings);
  const broken = [layers.file, layers.program, layers.policy].flatMap((layer) => layer?.problems ?? []);
  return {
    config,
    values,
    report: deepFreeze({
      configFile: { path: layers.file.file, exists: layers.file.exists },
      policyFile: { path: layers.policy.file, exists: layers.policy.exists },
      entries,
    }),
    problems: broken.length > 0 ? broken : portClashes(config, entries),
  };
}

/** Names of the keys whose effective value differs. */
export function changedKeys(before: Effective, after: Effective): string[] {
  return CONFIG_KEYS.map(({ name }) => name).filter(
    (name) => !isDeepStrictEqual(before.values.get(name), after.values.get(name)),
  );
}

function decide(key: ConfigKey, layers: ConfigLayers): { parsed: unknown; entry: ConfigEntry } {
  const policy = find(layers.policy, key.name);
  const preference = find(layers.program, key.name) ?? find(layers.file, key.name);
  const chosen = policy ?? preference;
  if (chosen === undefined) {
    const entry = { key: key.name, value: key.default, setBy: 'default' as const, at: null, overridden: null };
    return { parsed: key.schema.parse(key.default), entry };
  }
  const loses =
    policy !== undefined && preference !== undefined && !isDeepStrictEqual(policy.parsed, preference.parsed);
  const entry: ConfigEntry = {
    key: key.name,
    value: chosen.written,
    setBy: policy === undefined ? 'preference' : 'policy',
    at: chosen.at,
    overridden: loses ? { value: preference.written, at: preference.at } : null,
  };
  return { parsed: chosen.parsed, entry };
}

interface Found {
  readonly parsed: unknown;
  readonly written: unknown;
  readonly at: WrittenAt;
}

function find(layer: ConfigLayer | null, name: string): Found | undefined {
  const entry = layer?.entries.get(name);
  return layer === null || entry === undefined ? undefined : { ...entry, at: { file: layer.file, line: entry.line } };
}

function nest(values: ReadonlyMap<string, unknown>): unknown {
  const root: Record<string, unknown> = {};
  for (const { name, path } of CONFIG_KEYS) {
    let section = root;
    for (const part of path.slice(0, -1)) {
      section[part] ??= {};
      section = section[part] as Record<string, unknown>;
    }
    section[path.at(-1) ?? name] = values.get(name);
  }
  return root;
}

/** Two TCP services cannot share a port; found here, the message can name the keys. */
function portClashes(config: Config, entries: readonly ConfigEntry[]): ConfigProblem[] {
  const { peerPort, contentPort } = config.listen;
  const { enabled, port } = config.api.tcp;
  const clashes: (readonly [string, string])[] = [];
  if (peerPort !== 0 && peerPort === contentPort) clashes.push(['listen.contentPort', 'listen.peerPort']);
  if (enabled && port !== 0 && port === peerPort) clashes.push(['api.tcp.port', 'listen.peerPort']);
  if (enabled && port !== 0 && port === contentPort) clashes.push(['api.tcp.port', 'listen.contentPort']);
  return clashes.map((pair) => clash(pair, entries));
}

function clash([first, second]: readonly [string, string], entries: readonly ConfigEntry[]): ConfigProblem {
  const named = [first, second].map((name) => entries.find(({ key }) => key === name));
  // At least one of the two was written by somebody: the defaults do not clash.
  const blamed = named.find((entry) => entry !== undefined && entry.at !== null);
  const value = String(blamed?.value);
  return {
    file: blamed?.at?.file ?? 'program',
    line: blamed?.at?.line ?? null,
    key: blamed?.key ?? first,
    value,
    message: `${first} and ${second} are both ${value}; every service needs a port of its own`,
    allowed: null,
  };
}

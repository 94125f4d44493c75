import { z } from 'zod';
import { type KeyMeta, keyMeta } from './keys.ts';
import { ConfigSchema } from './schema.ts';

/** One key of the schema. */
export interface ConfigKey extends KeyMeta {
  /** Full name: `search.patience.foreground`. */
  readonly name: string;
  readonly path: readonly string[];
  readonly schema: z.ZodType;
}

/** A section: a name that holds keys. */
export interface ConfigSection {
  /** Full name: `search.patience`. */
  readonly name: string;
  readonly description: string;
}

/** All keys in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = [...walkKeys(ConfigSchema, [])];

/** All sections in the order of the schema. */
export const CONFIG_SECTIONS: readonly ConfigSection[] = [...walkSections(ConfigSchema, [])];

const byName = new Map(CONFIG_KEYS.map((key) => [key.name, key]));

/** The key of that name, or undefined. */
export function findKey(name: string): ConfigKey | undefined {
  return byName.get(name);
}

function* walkKeys(schema: z.ZodType, path: readonly string[]): Generator<ConfigKey> {
  for (const [name, child] of children(schema)) {
    const here = [...path, name];
    if (child instanceof z.ZodObject) yield* walkKeys(child, here);
    else yield { ...keyMeta(child), name: here.join('.'), path: here, schema: child };
  }
}

function* walkSections(schema: z.ZodType, path: readonly string[]): Generator<ConfigSection> {
  for (const [name, child] of children(schema)) {
    if (!(child instanceof z.ZodObject)) continue;
    const here = [...path, name];
    yield { name: here.join('.'), description: child.description ?? '' };
    yield* walkSections(child, here);
  }
}

function children(schema: z.ZodType): [string, z.ZodType][] {
  if (!(schema instanceof z.ZodObject)) return [];
  // Every member of a partial object is optional; what it wraps is the key or the section.
  return Object.entries(schema.shape).map(([name, member]) => [
    name,
    (member instanceof z.ZodOptional ? member.unwrap() : member) as z.ZodType,
  ]);
}

import { NearbitsError } from '../../core/errors.ts';
import { JobProperties, type JobPropertiesChange, type JobPropertyName } from '../../job/model/properties.ts';
import { kebab } from './flags.ts';
import { PROPERTY_READERS } from './property-readers.ts';

/** The property that a person means: `minimum-retry-delay` is `minimumRetryDelaySeconds`. Null when there is none. */
export function findProperty(text: string): JobPropertyName | null {
  const wanted = plainName(text);
  const names = Object.keys(JobProperties.shape) as JobPropertyName[];
  return names.find((name) => plainName(name) === wanted || plainName(withoutUnit(name)) === wanted) ?? null;
}

/** All names of properties, as they are usually written on the command line. */
export function propertyNames(): string[] {
  return (Object.keys(JobProperties.shape) as JobPropertyName[]).map(printProperty);
}

/** A property as it is usually written on the command line: `minimum-retry-delay`. */
export function printProperty(name: JobPropertyName): string {
  return kebab(withoutUnit(name));
}

/**
 * Reads `PROPERTY=VALUE` words; `custom-headers` may be given several times, one header each.
 * @throws NearbitsError BG_E_UNKNOWN_PROPERTY_ID, or E_INVALIDARG for a value of the wrong form.
 */
export function parseAssignments(words: readonly string[]): JobPropertiesChange {
  const texts = new Map<JobPropertyName, string>();
  for (const word of words) {
    const { name, value } = splitAssignment(word);
    const before = texts.get(name);
    if (before !== undefined && name !== 'customHeaders') {
      throw new NearbitsError('E_INVALIDARG', `${printProperty(name)} is given twice`);
    }
    texts.set(name, before === undefined ? value : `${before}\n${value}`);
  }
  const change = [...texts].map(([name, text]) => [name, readValue(name, text)]);
  return Object.fromEntries(change) as JobPropertiesChange; // the node checks each value under its name
}

/** Splits one word at its first equals sign. @throws NearbitsError as {@link parseAssignments} does */
export function splitAssignment(word: string): { readonly name: JobPropertyName; readonly value: string } {
  const equals = word.indexOf('=');
  if (equals < 1) {
    throw new NearbitsError('E_INVALIDARG', `"${word.slice(0, 60)}" is not PROPERTY=VALUE`, {
      hint: 'Such as priority=HIGH or minimum-retry-delay=10min.',
    });
  }
  const name = findProperty(word.slice(0, equals));
  if (name !== null) return { name, value: word.slice(equals + 1) };
  throw new NearbitsError('BG_E_UNKNOWN_PROPERTY_ID', `a job has no property "${word.slice(0, equals).slice(0, 60)}"`, {
    hint: `There are ${propertyNames().join(', ')}.`,
  });
}

function readValue(name: JobPropertyName, text: string): unknown {
  try {
    return PROPERTY_READERS[name](text);
  } catch (error) {
    if (!(error instanceof NearbitsError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new NearbitsError(error.code, `${printProperty(name)}: ${error.message}`, {
      details: { property: name },
      ...hint,
    });
  }
}

function plainName(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase();
}

function withoutUnit(name: string): string {
  return name.replace(/(Seconds|Ms)$/, '');
}

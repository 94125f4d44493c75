import { ROW_BY_ID } from '../rows.ts';

const MARK = /\{\{([^}]+)\}\}/g;

/**
 * The name of a test that covers these rows; the reporter reads them from it.
 * @throws Error when there is no such row, so that a typing mistake is no lost row.
 */
export function covers(ids: string | readonly string[], text?: string): string {
  const list = typeof ids === 'string' ? [ids] : ids;
  for (const id of list) if (!ROW_BY_ID.has(id)) throw new Error(`the reference has no row ${id}`);
  return `${text ?? ROW_BY_ID.get(list[0] as string)?.text} {{${list.join(' ')}}}`;
}

/** The rows a test of this name covers. */
export function coveredBy(name: string): string[] {
  return [...name.matchAll(MARK)].flatMap((match) => (match[1] as string).split(' '));
}

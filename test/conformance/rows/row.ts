/** One line of the BITS documentation that a job service has to keep, in our own words. */
export interface Row {
  /** Section of the reference, subject, case: `E.2/addFiles/SUSPENDED`. */
  readonly id: string;
  readonly text: string;
  /** Why the line has no meaning outside of Windows; such rows do not count. */
  readonly windowsOnly?: string;
  /** What has to be built first. */
  readonly later?: string;
  /** Why the public API cannot bring it about, and where it is tested instead. */
  readonly notProvokable?: string;
  /** What nearbits does differently on purpose; the changed rule is the one that is tested. */
  readonly changed?: string;
}

/** A row without its id; a bare string is its text. */
export type RowFacts = string | Omit<Row, 'id'>;

/** The rows of one section; the keys are the rest of the ids. */
export function section(name: string, rows: Readonly<Record<string, RowFacts>>): Row[] {
  return Object.entries(rows).map(([key, facts]) => ({
    id: `${name}/${key}`,
    ...(typeof facts === 'string' ? { text: facts } : facts),
  }));
}

/** A row about jobs that send. */
export const upload = (text: string): RowFacts => ({ text, later: 'jobs that upload' });

/** A row about something only Windows has. */
export const windows = (text: string, windowsOnly: string): RowFacts => ({ text, windowsOnly });

/** A row that needs more than the public API of one machine; `where` names what tests it. */
export const elsewhere = (text: string, notProvokable: string): RowFacts => ({ text, notProvokable });

/** A row that is kept in another form. */
export const changed = (text: string, how: string): RowFacts => ({ text, changed: how });

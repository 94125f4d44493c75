/** A name and what stands behind it. */
export type Row = readonly [string, string];

/** Lays rows out in columns, two spaces between them; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) => row.map((cell, column) => pad(cell, widths, column, row.length)).join('  ')).join('\n');
}

function pad(cell: string, widths: readonly number[], column: number, columns: number): string {
  return column === columns - 1 ? cell : cell.padEnd(widths[column] ?? 0);
}

/**
 * Takes control characters out of text that came from the network, so that it cannot steer the terminal, and shortens it.
 */
export function plain(text: string, maxLength = 200): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly what is to go
  const clean = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '?');
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 1)}…` : clean;
}

/** One measured figure. */
export interface Row {
  /** What was measured, with the name of its suite in front: `discovery: ...`. */
  readonly name: string;
  readonly value: number;
  /** The unit of `value`, such as `MB/s` or `datagrams/node/h`. */
  readonly unit: string;
  /** What it is compared with, measured in the same run. */
  readonly vs?: string;
  /** `value` divided by the value of `vs`. */
  readonly ratio?: number;
}

/** The rows as a table for people, one line each under a heading. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ name, value, unit, vs, ratio }) => [
    name,
    round(value),
    unit,
    vs ?? '',
    ratio === undefined ? '' : round(ratio),
  ]);
  const lines = [['what', 'value', 'unit', 'compared with', 'ratio'], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const print = (line: readonly string[]) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return lines.map((line) => print(line).trimEnd()).join('\n');
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

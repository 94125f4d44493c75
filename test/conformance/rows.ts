import { D2, F } from './rows/d2-f.ts';
import { E2 } from './rows/e2.ts';
import { E3, E4, E5 } from './rows/e3-e5.ts';
import { E6 } from './rows/e6.ts';
import { E7, E8, E9 } from './rows/e7-e9.ts';
import { H } from './rows/h.ts';
import type { Row } from './rows/row.ts';

/** Every row of the reference about jobs, in its order: what BITS promises, line by line. */
export const ROWS: readonly Row[] = [...D2, ...E2, ...E3, ...E4, ...E5, ...E6, ...E7, ...E8, ...E9, ...F, ...H];

/** The rows by their ids. */
export const ROW_BY_ID: ReadonlyMap<string, Row> = new Map(ROWS.map((row) => [row.id, row]));

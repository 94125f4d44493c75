import type { z } from 'zod';
import { NearbitsError } from '../core/errors.ts';
import { JobPropertiesChange, propertyError } from '../job/model/properties.ts';
import { JobRequest } from '../job/model/view.ts';

/** What a validator found, as Hono hands it to the hook of a route. */
interface Checked {
  readonly target: string;
  readonly success: boolean;
  readonly error?: z.core.$ZodError;
}

/** Hook of routes that take properties: a mistake in one gets the code BITS has for it. */
export function refuseBadProperties(result: Checked): undefined {
  if (result.error === undefined) return;
  throw result.target === 'json' ? propertyError(result.error) : argumentError(result.error);
}

/** Hook of all other routes about jobs: any mistake is E_INVALIDARG. */
export function refuseBadArguments(result: Checked): undefined {
  if (result.error !== undefined) throw argumentError(result.error);
}

/** Checks a job to make. @throws NearbitsError with the code BITS has for the mistake. */
export function readJobRequest(value: unknown): JobRequest {
  return read(JobRequest, value, propertyError);
}

/** Checks a change of properties. @throws NearbitsError with the code BITS has for the mistake. */
export function readPropertiesChange(value: unknown): JobPropertiesChange {
  return changeOf(read(JobPropertiesChange, value, propertyError));
}

/** A checked change without the properties that are named but not given, which change nothing. */
export function changeOf(checked: z.output<typeof JobPropertiesChange>): JobPropertiesChange {
  // Each value was checked under its name; only absent ones are left out.
  return Object.fromEntries(Object.entries(checked).filter(([, value]) => value !== undefined)) as JobPropertiesChange;
}

/** Checks any other argument. @throws NearbitsError E_INVALIDARG, with the path of each mistake. */
export function readArgument<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  return read(schema, value, argumentError);
}

function read<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  explain: (error: z.core.$ZodError) => NearbitsError,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (!result.success) throw explain(result.error);
  return result.data;
}

/** No more mistakes than a person reads; a request can hold a hundred thousand. */
const MAX_TOLD = 10;

function argumentError(error: z.core.$ZodError): NearbitsError {
  const problems = error.issues
    .slice(0, MAX_TOLD)
    .map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
  const text = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  return new NearbitsError('E_INVALIDARG', text, { details: { path: problems[0]?.path ?? '', problems } });
}

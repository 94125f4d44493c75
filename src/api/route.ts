import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import type { ApiEnv } from './caller.ts';
import { PROBLEM_TYPE, Problem } from './problem.ts';

/** The application that routes are added to. */
export type ApiApp = OpenAPIHono<ApiEnv>;

/** A JSON body of the given form, for requests and answers. */
export function json<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } } };
}

/** Every route may answer with a problem instead; it is thrown, so handlers need not know. */
export const problems = {
  default: { description: 'the problem (RFC 9457)', content: { [PROBLEM_TYPE]: { schema: Problem } } },
} as const;

/** The answer of a route that works: JSON of the given form. */
export function answers<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { 200: { ...json(schema), description }, ...problems };
}

/** An id in the path; its form is checked by the parsers of core/ids.ts. */
export const IdParam = z.object({ id: z.string().max(64) });

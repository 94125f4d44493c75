import { z } from 'zod';

const MAX_TEXT = 256 * 1024;
const FileView = z.object({ path: z.string(), exists: z.boolean() });
const WrittenAt = z.object({ file: z.string(), line: z.int().nullable() });

/** Every key with its effective value and who set it: the form of config/effective.ts on the wire. */
export const ConfigReportView = z
  .object({
    configFile: FileView,
    policyFile: FileView,
    entries: z.array(
      z.object({
        key: z.string(),
        value: z.unknown().describe('as written'),
        setBy: z.enum(['default', 'preference', 'policy']),
        at: WrittenAt.nullable(),
        overridden: z
          .object({ value: z.unknown(), at: WrittenAt })
          .nullable()
          .describe('a preference without effect because the policy says something else'),
      }),
    ),
  })
  .meta({ id: 'ConfigReport' });

/** The mistakes in a configuration: the form of config/problem.ts on the wire. */
export const ConfigCheck = z
  .object({
    problems: z.array(
      z.object({
        file: z.string(),
        line: z.int().nullable(),
        key: z.string().nullable(),
        value: z.string().nullable(),
        message: z.string(),
        allowed: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'ConfigCheck' });

/** What is to be checked. */
export const ConfigCheckRequest = z
  .strictObject({
    text: z
      .string()
      .max(MAX_TEXT)
      .optional()
      .describe('text of a configuration file; without it the files on disk are checked'),
  })
  .meta({ id: 'ConfigCheckRequest' });

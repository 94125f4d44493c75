import { createRoute, z } from '@hono/zod-openapi';
import type { ConfigReport } from '../../config/effective.ts';
import type { ConfigProblem } from '../../config/problem.ts';
import { parseConfigText } from '../../config/read-file.ts';
import { readEffective } from '../../config/store.ts';
import type { NodeBackend } from '../backend.ts';
import { type ApiApp, answers, json } from '../route.ts';

const MAX_TEXT = 256 * 1024;
const FileView = z.object({ path: z.string(), exists: z.boolean() });
const WrittenAt = z.object({ file: z.string(), line: z.int().nullable() });

const Report = z
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

const Check = z
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

const CheckRequest = z
  .strictObject({
    text: z
      .string()
      .max(MAX_TEXT)
      .optional()
      .describe('text of a configuration file; without it the files on disk are checked'),
  })
  .meta({ id: 'ConfigCheckRequest' });

const show = createRoute({
  method: 'get',
  path: '/v1/config',
  summary: 'Every key with its effective value and who set it',
  responses: answers(Report, 'the configuration in force'),
});

const check = createRoute({
  method: 'post',
  path: '/v1/config/check',
  summary: 'Report every mistake of a text, or of the files on disk, without applying it',
  request: { body: json(CheckRequest) },
  responses: answers(Check, 'the mistakes'),
});

/** Adds the routes about configuration. */
export function addConfigRoutes(app: ApiApp, backend: NodeBackend): void {
  app.openapi(show, (context) => context.json(toPlain(backend.config()), 200));
  app.openapi(check, async (context) => {
    const { text } = context.req.valid('json') ?? {};
    const problems =
      text === undefined ? await problemsOnDisk(backend.config()) : parseConfigText(text, 'text').problems;
    return context.json({ problems: [...problems] }, 200);
  });
}

async function problemsOnDisk(report: ConfigReport): Promise<readonly ConfigProblem[]> {
  const files = { configFile: report.configFile.path, policyFile: report.policyFile.path };
  return (await readEffective(files)).problems;
}

/** The report with arrays that the answer type may own. */
function toPlain(report: ConfigReport): z.input<typeof Report> {
  return { ...report, entries: [...report.entries] };
}

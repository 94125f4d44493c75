import { createRoute, type z } from '@hono/zod-openapi';
import type { ConfigReport } from '../../config/effective.ts';
import type { ConfigProblem } from '../../config/problem.ts';
import { parseConfigText } from '../../config/read-file.ts';
import { readEffective } from '../../config/store.ts';
import type { NodeBackend } from '../backend.ts';
import { ConfigCheck, ConfigCheckRequest, ConfigReportView } from '../config-views.ts';
import { type ApiApp, answers, json } from '../route.ts';

const show = createRoute({
  method: 'get',
  path: '/v1/config',
  summary: 'Every key with its effective value and who set it',
  responses: answers(ConfigReportView, 'the configuration in force'),
});

const check = createRoute({
  method: 'post',
  path: '/v1/config/check',
  summary: 'Report every mistake of a text, or of the files on disk, without applying it',
  request: { body: json(ConfigCheckRequest) },
  responses: answers(ConfigCheck, 'the mistakes'),
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
function toPlain(report: ConfigReport): z.input<typeof ConfigReportView> {
  return { ...report, entries: [...report.entries] };
}

import { createRoute, z } from '@hono/zod-openapi';
import type { NodeBackend } from '../backend.ts';
import { callerOf } from '../caller.ts';
import type { Metrics } from '../metrics.ts';
import { Nothing } from '../nothing.ts';
import { type ApiApp, answers, problems } from '../route.ts';
import { NodeStatus, ReloadResult } from '../views.ts';

const status = createRoute({
  method: 'get',
  path: '/v1/status',
  summary: 'The node at a glance',
  responses: answers(NodeStatus, 'the status'),
});

const reload = createRoute({
  method: 'post',
  path: '/v1/reload',
  summary: 'Read configuration, policy and domain membership again',
  responses: answers(ReloadResult, 'what changed'),
});

const stop = createRoute({
  method: 'post',
  path: '/v1/stop',
  summary: 'Stop the node gracefully',
  responses: answers(Nothing, 'the node is stopping'),
});

const metricsPage = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Metrics for Prometheus',
  responses: { 200: { description: 'text format', content: { 'text/plain': { schema: z.string() } } }, ...problems },
});

/** Adds the routes about the node as a whole. */
export function addNodeRoutes(app: ApiApp, backend: NodeBackend, metrics: Metrics): void {
  app.openapi(status, async (context) => {
    const all = await backend.status();
    return context.json(callerOf(context).administrator ? all : withoutPaths(all), 200);
  });
  app.openapi(reload, async (context) => context.json(await backend.reload(), 200));
  app.openapi(stop, (context) => {
    backend.requestStop();
    return context.json({}, 200);
  });
  app.openapi(metricsPage, async (context) => {
    const { text, contentType } = await metrics.scrape(backend);
    return context.text(text, 200, { 'content-type': contentType });
  });
}

/** Where the files of the node lie is nobody's business but its administrators'. */
function withoutPaths(status: NodeStatus): NodeStatus {
  return { ...status, dataDir: '', configFile: '', policyFile: '' };
}

import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import { NearbitsError, toNearbitsError } from '../core/errors.ts';
import type { Logger } from '../observe/log.ts';
import { identify } from './access.ts';
import type { NodeBackend } from './backend.ts';
import { limitBodies } from './body-limits.ts';
import type { ApiEnv } from './caller.ts';
import { EventStreams } from './event-streams.ts';
import { requireJson } from './json-bodies.ts';
import type { Metrics } from './metrics.ts';
import { problemResponse, statusOf } from './problem.ts';
import type { ApiApp } from './route.ts';
import { addCacheRoutes } from './routes/cache.ts';
import { addConfigRoutes } from './routes/config.ts';
import { addEventRoutes } from './routes/events.ts';
import { addJobCallRoutes } from './routes/job-calls.ts';
import { addJobFileRoutes } from './routes/job-files.ts';
import { addJobSecretRoutes } from './routes/job-secrets.ts';
import { addJobRoutes } from './routes/jobs.ts';
import { addNotificationRoutes } from './routes/notifications.ts';
import { addPeerRoutes } from './routes/peers.ts';
import { addNodeRoutes } from './routes/status.ts';
import { addSwarmRoutes } from './routes/swarms.ts';
import { addTransferRoutes } from './routes/transfers.ts';

/** What the routes work with. */
export interface AppDeps {
  readonly backend: NodeBackend;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** Aborts when the server stops, which ends the streams of events. */
  readonly stopping: AbortSignal;
}

/** All routes of the local API; whatever is thrown in them becomes a problem answer. */
export function createApp({ backend, metrics, clock, log, version, stopping }: AppDeps): ApiApp {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidInput(result.error);
    },
  });
  app.use(identify());
  app.use(requireJson());
  app.use(limitBodies());
  const streams = new EventStreams({ clock, log, stopping });
  addNodeRoutes(app, backend, metrics);
  addPeerRoutes(app, backend);
  addSwarmRoutes(app, backend);
  addCacheRoutes(app, backend);
  addTransferRoutes(app, backend);
  addConfigRoutes(app, backend);
  addJobRoutes(app, backend, stopping);
  addJobCallRoutes(app, backend);
  addJobFileRoutes(app, backend);
  addJobSecretRoutes(app, backend);
  addEventRoutes(app, backend, streams);
  addNotificationRoutes(app, backend, streams);
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description:
      'the token of a user; the owner of the node needs none on the socket, and that of api.tcp.tokenFile on TCP',
  });
  app.get('/openapi.json', (context) => context.json(openApiDocument(app, version)));
  app.notFound(({ req }) =>
    problemResponse(new NearbitsError('E_NOT_FOUND', `there is no ${req.method} ${req.path.slice(0, 200)}`)),
  );
  app.onError((thrown) => {
    const error = fromThrown(thrown);
    if (statusOf(error.code) === 500) log.error({ err: error }, 'a request to the local API failed');
    return problemResponse(error);
  });
  return app;
}

/** The OpenAPI 3.1 document of the API, made from the same schemas that check requests. */
export function openApiDocument(app: ApiApp, version: string): object {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'nearbits local API',
      version,
      description:
        'HTTP over a Unix socket (named pipe on Windows) that only its owner may open. Errors are RFC 9457 problems.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    security: [{}, { token: [] }],
  });
}

/** Hono throws its own class for broken JSON and the like. */
function fromThrown(thrown: unknown): NearbitsError {
  if (thrown instanceof HTTPException && thrown.status < 500) {
    return new NearbitsError('E_INVALID_ARGUMENT', thrown.message || 'the request is not valid', { cause: thrown });
  }
  return toNearbitsError(thrown);
}

function invalidInput(error: z.core.$ZodError): NearbitsError {
  const problems = error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
  const text = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  return new NearbitsError('E_INVALID_ARGUMENT', text, { details: { problems } });
}

import { createRoute } from '@hono/zod-openapi';
import type { NodeBackend } from '../backend.ts';
import { type ApiApp, answers } from '../route.ts';
import { SwarmList } from '../swarm-views.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/swarms',
  summary: 'What this node fetches and gives together with its neighbours now',
  description:
    'A content is gone from the list when nobody nearby wants it any more. All bytes count from when this node joined.',
  responses: answers(SwarmList, 'the contents'),
});

/** Adds the route about contents that are fetched together. */
export function addSwarmRoutes(app: ApiApp, backend: NodeBackend): void {
  app.openapi(list, async (context) => context.json({ swarms: [...(await backend.swarms())] }, 200));
}

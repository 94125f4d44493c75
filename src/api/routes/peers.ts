import { createRoute } from '@hono/zod-openapi';
import type { NodeBackend } from '../backend.ts';
import { Nothing } from '../nothing.ts';
import { type ApiApp, answers } from '../route.ts';
import { DiscoverResult, PeerList } from '../views.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/peers',
  summary: 'The neighbours this node knows',
  responses: answers(PeerList, 'the roster'),
});

const discover = createRoute({
  method: 'post',
  path: '/v1/peers/discover',
  summary: 'Look for neighbours now; nothing is sent within 10 minutes of the last probe',
  responses: answers(DiscoverResult, 'whether a probe was sent'),
});

const clear = createRoute({
  method: 'delete',
  path: '/v1/peers',
  summary: 'Forget all neighbours and allow a probe at once',
  responses: answers(Nothing, 'the roster is empty'),
});

/** Adds the routes about neighbours. */
export function addPeerRoutes(app: ApiApp, backend: NodeBackend): void {
  app.openapi(list, async (context) => context.json({ peers: [...(await backend.peers())] }, 200));
  app.openapi(discover, async (context) => context.json(await backend.discoverPeers(), 200));
  app.openapi(clear, async (context) => {
    await backend.clearPeers();
    return context.json({}, 200);
  });
}

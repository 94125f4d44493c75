import type { SwarmSummary, SwarmView } from '../api/swarm-views.ts';
import type { ContentView } from '../exchange/content-view.ts';
import type { NodeParts } from './node-parts.ts';

/** A content that is fetched together, as callers of the API see it. */
export function swarmView(view: ContentView): SwarmView {
  return { ...view, partners: [...view.partners], banned: [...view.banned] };
}

/** Whether this node takes part in swarms, and in how many. */
export function swarmSummary(parts: Pick<NodeParts, 'exchange' | 'config' | 'peers'>): SwarmSummary {
  const views = parts.exchange.list();
  const partners = new Set(views.flatMap((view) => view.partners.map(({ nodeId }) => nodeId)));
  const reason = whyOff(parts);
  return {
    on: reason === null,
    reason,
    contents: views.length,
    fetching: views.filter(({ state }) => state !== 'giving').length,
    partners: partners.size,
  };
}

function whyOff({ config, peers }: Pick<NodeParts, 'config' | 'peers'>): string | null {
  const side = peers();
  if (!side.on) return side.reason;
  if (!config.current.swarm.enabled) return 'swarm.enabled is false';
  return side.use.swarm === null ? 'peers.server is false' : null;
}

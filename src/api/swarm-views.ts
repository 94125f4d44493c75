import { z } from 'zod';

/** What the local API shows of the contents that a node fetches and gives together with its neighbours. */

const BYTES = z.int().min(0);
const COUNT = z.int().min(0);

const OriginRun = z
  .object({ start: BYTES, end: BYTES, position: BYTES })
  .describe('bytes start <= byte < end of the file; those before position are there');

/** A neighbour with whom pieces of one content are exchanged. */
export const SwarmPartner = z
  .object({
    nodeId: z.string(),
    pieces: COUNT.describe('how many pieces it can give, as it says'),
    fromOrigin: OriginRun.nullable().describe('what it fetches from the origin for everybody now; null: nothing'),
  })
  .meta({ id: 'SwarmPartner' });
export type SwarmPartner = z.infer<typeof SwarmPartner>;

/** What a node does in one content that it fetches or gives together with its neighbours. */
export const SwarmView = z
  .object({
    contentId: z.string().describe('the same on all that fetch it together'),
    url: z.string(),
    bytes: BYTES.describe('size of the file'),
    pieces: COUNT,
    piecesHere: COUNT.describe('how many of the pieces are on this machine'),
    anchored: z.boolean().describe('whether each piece can be proven, and so given before the whole file is there'),
    state: z
      .enum(['fetching', 'checking', 'giving'])
      .describe('checking: all of it is here, and others may have it once it is found right'),
    joinedMs: z.number().describe('when this node joined, milliseconds since 1970'),
    fromOrigin: OriginRun.nullable().describe(
      'what this node fetches from the origin for everybody now; null: nothing',
    ),
    partners: z.array(SwarmPartner),
    banned: z.array(z.string()).describe('neighbours that gave wrong bytes and are not asked again for this content'),
    givenBytes: BYTES.describe('bytes that went to neighbours'),
    takenBytes: BYTES.describe('bytes that came from neighbours, good or not'),
  })
  .meta({ id: 'Swarm' });
export type SwarmView = z.infer<typeof SwarmView>;

/** Every content that the node has a part in, the one joined first at the top. */
export const SwarmList = z.object({ swarms: z.array(SwarmView) }).meta({ id: 'SwarmList' });

/** Swarms at a glance, for the status. */
export const SwarmSummary = z.object({
  on: z.boolean(),
  reason: z.string().nullable().describe('why this node takes part in no swarms; null when it does'),
  contents: COUNT.describe('contents that are fetched or given together with neighbours now'),
  fetching: COUNT.describe('those of them that this node still fetches or checks'),
  partners: COUNT.describe('neighbours with whom pieces are exchanged now'),
});
export type SwarmSummary = z.infer<typeof SwarmSummary>;

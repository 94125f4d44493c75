import type { SwarmPartner, SwarmView } from '../../api/swarm-views.ts';
import { printBytes, printDuration } from '../../core/units.ts';
import { plain, table } from './table.ts';

const URL_LENGTH = 60;

/** What a node fetches and gives together with its neighbours, a line for each content; with the neighbours when wanted. */
export function swarmsText(swarms: readonly SwarmView[], nowMs: number, showPartners: boolean): string {
  if (swarms.length === 0) return 'nothing is fetched or given together with neighbours now';
  const lines = table(swarms.map((swarm) => row(swarm, nowMs))).split('\n');
  if (!showPartners) return lines.join('\n');
  return swarms.flatMap((swarm, index) => [lines[index] ?? '', ...partnerLines(swarm)]).join('\n');
}

function row(swarm: SwarmView, nowMs: number): string[] {
  return [
    swarm.state,
    `${swarm.piecesHere} of ${swarm.pieces} pieces`,
    swarm.anchored ? 'each proven' : 'proven as a whole',
    originText(swarm.fromOrigin),
    swarm.partners.length === 1 ? '1 partner' : `${swarm.partners.length} partners`,
    `given ${printBytes(swarm.givenBytes)}`,
    `taken ${printBytes(swarm.takenBytes)}`,
    swarm.banned.length === 0 ? 'nobody banned' : `${swarm.banned.length} banned`,
    `for ${printDuration(Math.max(0, nowMs - swarm.joinedMs))}`,
    shortUrl(swarm.url),
  ];
}

function partnerLines({ pieces, partners, banned }: SwarmView): string[] {
  const rows = partners.map((partner) => partnerRow(partner, pieces));
  const named = rows.length === 0 ? [] : table(rows).split('\n');
  return [...named, ...banned.map((nodeId) => `  ${nodeId}  banned: it gave wrong bytes`)];
}

function partnerRow({ nodeId, pieces, fromOrigin }: SwarmPartner, all: number): string[] {
  return [`  ${nodeId}`, `has ${pieces} of ${all} pieces`, originText(fromOrigin)];
}

/** `origin: 4 MiB to 8 MiB` */
function originText(run: SwarmView['fromOrigin']): string {
  return run === null ? 'origin: nothing' : `origin: ${printBytes(run.start)} to ${printBytes(run.end)}`;
}

/** The server and the end of the path say the most. */
function shortUrl(url: string): string {
  const clean = plain(url, 10_000);
  if (clean.length <= URL_LENGTH) return clean;
  const half = Math.floor((URL_LENGTH - 1) / 2);
  return `${clean.slice(0, half)}…${clean.slice(-half)}`;
}

import { create } from '@bufbuild/protobuf';
import { NearbitsError } from '../../core/errors.ts';
import type { NodeId } from '../../core/ids.ts';
import { MAX_PIECES } from '../../core/pieces.ts';
import {
  BeatKind,
  BeatSchema,
  LeaseSchema,
  ToldLeaseSchema,
  type Beat as WireBeat,
  type Lease as WireLease,
  type ToldLease as WireToldLease,
} from '../../gen/nearbits/v1/swarm_pb.js';
import type { Beat, ToldLease } from '../../plan/swarm/announcements.ts';
import type { LeaseFact } from '../../plan/swarm/leases.ts';
import type { PieceRun } from '../../plan/swarm/piece-set.ts';
import type { SwarmAddress, SwarmWireBody } from '../swarm/swarm-message.ts';
import { readId, readMember, writeId, writeMember, writeNumber } from './member-codec.ts';
import { protocolError, readNumber } from './wire.ts';

type BeatBody = Extract<SwarmWireBody, { kind: 'beat' }>;

/** Runs of pieces, leases of others, and members that one beat may name. */
const MAX_RUNS = 8192;
const MAX_NAMED = 64;
/** Ten fields, five of the lease; nine for each lease of somebody else and five for each member. The runs are packed into one field. */
export const BEAT_PARTS = 15 + MAX_NAMED * (9 + 5);

const SECOND_MS = 1000;

const WIRE_KINDS = {
  hello: BeatKind.HELLO,
  welcome: BeatKind.WELCOME,
  beat: BeatKind.BEAT,
  'no-room': BeatKind.NO_ROOM,
  bye: BeatKind.BYE,
} as const satisfies Record<Beat['kind'], BeatKind>;
const KINDS = new Map(Object.entries(WIRE_KINDS).map(([kind, wire]) => [wire as BeatKind, kind as Beat['kind']]));

/** Writes a beat; of more than 64 leases or members the first ones. @throws NearbitsError E_INVALID_ARGUMENT when its runs do not rise. */
export function writeBeat({ beat, addresses }: BeatBody): WireBeat {
  const { kind, complete, lease, seat, passive, distrusts, others, usualRate, pulseAgeMs, members } = beat;
  const message = create(BeatSchema, { kind: WIRE_KINDS[kind], complete, seat, passive, distrusts });
  message.have = writeRuns(beat.have);
  if (lease !== null) message.lease = writeLease(lease);
  message.others = others.slice(0, MAX_NAMED).map(writeToldLease);
  message.usualRate = writeNumber(usualRate * SECOND_MS);
  message.pulseAgeMs = writeNumber(pulseAgeMs);
  message.members = members.slice(0, MAX_NAMED).map(({ id, ageMs }) => {
    const nodeId = id as NodeId; // checked when it is written
    return writeMember({ nodeId, ageMs, address: addresses.get(nodeId) ?? null });
  });
  return message;
}

/** Reads a beat. @throws NearbitsError E_PEER_PROTOCOL for everything that {@link writeBeat} does not write. */
export function readBeat(wire: WireBeat): BeatBody {
  const { complete, seat, passive, distrusts } = wire;
  const kind = KINDS.get(wire.kind);
  if (kind === undefined) throw protocolError('a beat of an unknown kind');
  if (complete && wire.have.length > 0) throw protocolError('it has everything and names pieces');
  if (wire.others.length > MAX_NAMED || wire.members.length > MAX_NAMED)
    throw protocolError('a beat that names too many');
  const members = wire.members.map(readMember);
  const beat: Beat = {
    ...{ kind, complete, seat, passive, distrusts },
    have: readRuns(wire.have),
    lease: wire.lease === undefined ? null : readLease(wire.lease),
    others: wire.others.map(readToldLease),
    usualRate: readNumber(wire.usualRate) / SECOND_MS,
    pulseAgeMs: readNumber(wire.pulseAgeMs),
    members: members.map(({ nodeId, ageMs }) => ({ id: nodeId, ageMs })),
  };
  const known = members.flatMap(({ nodeId, address }): [NodeId, SwarmAddress][] =>
    address === null ? [] : [[nodeId, address]],
  );
  return { kind: 'beat', beat, addresses: new Map(known) };
}

// Pairs of the gap after the run before and the length: mostly one byte each.
function writeRuns(runs: readonly PieceRun[]): number[] {
  const pairs: number[] = [];
  let at = 0;
  for (const { first, end } of runs) {
    if (first < at || end <= first || end > MAX_PIECES) {
      throw new NearbitsError('E_INVALID_ARGUMENT', `pieces ${first} to ${end} do not follow piece ${at}`);
    }
    pairs.push(first - at, end - first);
    at = end;
  }
  return pairs;
}

function readRuns(pairs: readonly number[]): PieceRun[] {
  if (pairs.length > 2 * MAX_RUNS || pairs.length % 2 !== 0)
    throw protocolError(`${pairs.length} numbers for runs of pieces`);
  const runs: PieceRun[] = [];
  let at = 0;
  for (let index = 0; index < pairs.length; index += 2) {
    const first = at + (pairs[index] as number);
    const end = first + (pairs[index + 1] as number);
    if (end === first || end > MAX_PIECES) throw protocolError('a run of pieces that cannot be');
    runs.push({ first, end });
    at = end;
  }
  return runs;
}

function writeLease({ first, end, position, takenOver, ageMs }: LeaseFact): WireLease {
  const message = create(LeaseSchema, { first, end, takenOver });
  message.position = writeNumber(position);
  message.ageMs = writeNumber(ageMs);
  return message;
}

function readLease({ first, end, position, takenOver, ageMs }: WireLease): LeaseFact {
  if (first >= end || end > MAX_PIECES) throw protocolError('a lease of pieces that cannot be');
  return { first, end, position: readNumber(position), takenOver, ageMs: readNumber(ageMs) };
}

function writeToldLease({ holder, silentMs, ...lease }: ToldLease): WireToldLease {
  const message = create(ToldLeaseSchema, { holder: writeId(holder) });
  message.lease = writeLease(lease);
  message.silentMs = writeNumber(silentMs);
  return message;
}

function readToldLease({ lease, holder, silentMs }: WireToldLease): ToldLease {
  if (lease === undefined) throw protocolError('somebody who fetches nothing');
  return { ...readLease(lease), holder: readId(holder), silentMs: readNumber(silentMs) };
}

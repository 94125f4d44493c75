import { NearbitsError } from './errors.ts';

declare const brand: unique symbol;

/** A string that was checked once and is trusted afterwards. */
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Names a record of the cache: a UUID in lower case. */
export type RecordId = Branded<'RecordId'>;

/** Names a job: a UUID in lower case. */
export type JobId = Branded<'JobId'>;

/** Names a transfer, which is the one-shot form of a job: the id of that job. */
export type TransferId = JobId;

/** Names a node: its libp2p PeerId in text form, such as `12D3KooW...`. */
export type NodeId = Branded<'NodeId'>;

/** Names a content that neighbours fetch together: a SHA-256 in lower-case hex. */
export type ContentId = Branded<'ContentId'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// Base58 text of an Ed25519 PeerId: an identity multihash of the public key, 52 characters.
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

const CONTENT_ID = /^[0-9a-f]{64}$/;

function parser<T extends string>(pattern: RegExp, what: string): (text: string) => T {
  return (text) => {
    if (!pattern.test(text)) throw new NearbitsError('E_INVALID_ARGUMENT', `"${text.slice(0, 80)}" is not ${what}`);
    return text as T;
  };
}

/** @throws NearbitsError E_INVALID_ARGUMENT when the text is not a UUID in lower case. */
export const parseRecordId: (text: string) => RecordId = parser(UUID, 'the id of a cache record');

/** @throws NearbitsError E_INVALID_ARGUMENT when the text is not a UUID in lower case. */
export const parseTransferId: (text: string) => TransferId = parser(UUID, 'the id of a transfer');

/** @throws NearbitsError E_INVALID_ARGUMENT when the text is not a UUID in lower case. */
export const parseJobId: (text: string) => JobId = parser(UUID, 'the id of a job');

/** @throws NearbitsError E_INVALID_ARGUMENT when the text is not an Ed25519 PeerId. */
export const parseNodeId: (text: string) => NodeId = parser(PEER_ID, 'the id of a node');

/** @throws NearbitsError E_INVALID_ARGUMENT when the text is not 64 hex digits in lower case. */
export const parseContentId: (text: string) => ContentId = parser(CONTENT_ID, 'the id of a content');

/** A fresh id for a cache record. */
export function newRecordId(): RecordId {
  return crypto.randomUUID() as RecordId;
}

/** A fresh id for a job. */
export function newJobId(): JobId {
  return crypto.randomUUID() as JobId;
}

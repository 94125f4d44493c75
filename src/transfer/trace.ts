/** Why something was done, in a form that programs can switch on. */
export type TraceCode =
  | 'RESUMED'
  | 'PART_DROPPED'
  | 'HEAD'
  | 'HEAD_FAILED'
  | 'ORIGIN_DOWN_RULE'
  | 'DESCRIPTOR'
  | 'DESCRIPTOR_FAILED'
  | 'CACHE_HIT'
  | 'CACHE_MISS'
  | 'PEERS_OFF'
  | 'SEARCH'
  | 'PEER_ANSWER'
  | 'SEARCH_DONE'
  | 'SOURCE_ADDED'
  | 'SOURCE_REMOVED'
  | 'FETCH'
  | 'FETCHED'
  | 'FETCH_FAILED'
  | 'PATIENCE_OVER'
  | 'WHOLE_FILE'
  | 'STARTED_OVER'
  | 'DIGEST_OK'
  | 'DIGEST_MISMATCH'
  | 'COMPLETED'
  | 'SHARED'
  | 'NOT_SHARED'
  | 'FAILED'
  | 'CANCELLED'
  | 'RESTARTED';

/** Notes one decision or fact of a transfer; `data` must survive JSON. */
export type Note = (code: TraceCode, text: string, data?: Readonly<Record<string, unknown>>) => void;

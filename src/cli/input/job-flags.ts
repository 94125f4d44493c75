import { COST, COST_ALWAYS, NOTIFY, PEER_CACHING, SECURITY } from '../../job/model/properties.ts';
import { type FlagNames, flagNames } from './flags.ts';

const { redirectMask: _, ...SECURITY_BITS } = SECURITY;

/** The bits of `notifyFlags` by name. */
export const NOTIFY_FLAGS: FlagNames = flagNames(NOTIFY);
/** The bits of `securityFlags` by name. */
export const SECURITY_FLAGS: FlagNames = flagNames(SECURITY_BITS);
/** The bits of `peerCachingFlags` by name. */
export const PEER_CACHING_FLAGS: FlagNames = flagNames(PEER_CACHING);
/** The bits of `costFlags` by name. */
export const COST_FLAGS: FlagNames = flagNames(COST);
/** Sets of cost bits that have names in BITS (BITS_COST_STATE_TRANSFER_*). */
export const COST_SETS: FlagNames = {
  always: COST_ALWAYS,
  'not-roaming': 0x8000007f,
  'no-surcharge': 0x8000006f,
  standard: 0x80000067,
};

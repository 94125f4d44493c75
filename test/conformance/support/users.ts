import { silentLogger } from '../../../src/observe/log.ts';
import { type NewUser, Users } from '../../../src/security/users.ts';
import type { NodeHome } from '../../support/node-process.ts';

/** Adds users, as `nearbits user add` does, and returns the tokens that prove them. */
export async function addUsers(home: NodeHome, users: readonly NewUser[]): Promise<string[]> {
  const known = await Users.open({ log: silentLogger }, { dataDir: home.env.NEARBITS_DATA_DIR as string });
  const tokens: string[] = [];
  for (const user of users) tokens.push((await known.add(user)).token);
  return tokens;
}

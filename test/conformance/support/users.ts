import { type NodeHome, runCli } from '../../support/node-process.ts';

/** Adds a user who may write below one folder, and returns the token that proves the user. */
export async function addUser(home: NodeHome, name: string, folder: string): Promise<string> {
  const { token } = (await runCli(home, 'user', 'add', name, '--folder', folder)) as { token: string };
  return token;
}

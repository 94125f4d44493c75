/**
 * Who calls the node: the local user behind a socket or a token. The node trusts the name, because the operating
 * system (socket mode) or the token proved it.
 */
export interface Caller {
  /** The user's name; jobs belong to it. */
  readonly name: string;
  /** Administrators see and change the jobs of all users and are exempt from the limits (BITS does the same). */
  readonly administrator: boolean;
  /**
   * Folders below which this user's files may be written, absolute and resolved; null: wherever the node itself may write. The node
   * writes with its own rights, so everybody who is not the owner of the node needs such a fence.
   */
  readonly folders: readonly string[] | null;
}

/** How a delivery ended; the message says in a few words why it did not work, and holds nothing that was received. */
export type Outcome =
  | { readonly result: 'delivered' }
  | { readonly result: 'failed'; readonly message: string }
  /** The administrator does not allow the program. */
  | { readonly result: 'refused'; readonly program: string; readonly message: string };

/** The outcome of a delivery that worked. */
export const DELIVERED: Outcome = { result: 'delivered' };

/** The outcome of a delivery that did not work. */
export function failed(message: string): Outcome {
  return { result: 'failed', message };
}

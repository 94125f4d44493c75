/** What the command line needs of its process; passed in, so that commands run in tests as they are. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDir: string;
  /** Whether a person looks at standard error: progress is drawn only then. */
  readonly isTerminal: boolean;
  /** Width of the terminal in characters. */
  columns(): number;
  out(text: string): void;
  err(text: string): void;
  /** Everything that stands on standard input. */
  readInput(): Promise<string>;
  /** Calls `listener` for each signal that asks to stop; the returned function ends it. */
  onStopSignal(listener: () => void): () => void;
  /** Calls `listener` for each signal that asks to reload; the returned function ends it. */
  onReloadSignal(listener: () => void): () => void;
  /** Ends the process without waiting for anything. */
  exitNow(code: number): void;
}

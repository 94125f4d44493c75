/** What the command line needs of its process; passed in, so that commands run in tests as they are. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDir: string;
  /** Whether a person looks at standard error: progress is drawn only then. */
  readonly isTerminal: boolean;
  /** Whether a person looks at standard output: a live table is drawn only then. */
  readonly isOutputTerminal: boolean;
  /** Width of the terminal in characters. */
  columns(): number;
  /** Height of the terminal in lines. */
  rows(): number;
  out(text: string): void;
  err(text: string): void;
  /** Everything that stands on standard input. */
  readInput(): Promise<string>;
  /** A secret: typed after the prompt without being shown, or everything that stands on standard input when nobody types there. */
  readSecret(prompt: string): Promise<string>;
  /** Calls `listener` for each signal that asks to stop; the returned function ends it. */
  onStopSignal(listener: () => void): () => void;
  /** Calls `listener` for each signal that asks to reload; the returned function ends it. */
  onReloadSignal(listener: () => void): () => void;
  /** Ends the process without waiting for anything. */
  exitNow(code: number): void;
}

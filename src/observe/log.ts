import { destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Levels an administrator can choose, quiet to loud. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A logger that writes one JSON object a line to standard error; parts of the node log through children of it. */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: 2, sync: true }));
}

/** A logger that says nothing, for embedding and tests. */
export const silentLogger: Logger = pino({ level: 'silent' });

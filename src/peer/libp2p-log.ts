import { format } from 'node:util';
import type { Logger as Libp2pLogger } from '@libp2p/interface';
import type { Logger } from '../observe/log.ts';

/** The shape in which libp2p asks for loggers. */
export interface Libp2pLoggers {
  forComponent(name: string): Libp2pLogger;
}

/**
 * Lets libp2p and its modules write to our log. Everything goes to the levels debug and trace: what libp2p calls an
 * error is mostly something a stranger on the network sent.
 */
export function libp2pLoggers(log: Logger): Libp2pLoggers {
  return { forComponent: (name) => componentLogger(log.child({ component: name })) };
}

function componentLogger(log: Logger): Libp2pLogger {
  const write =
    (level: 'debug' | 'trace') =>
    (formatter: unknown, ...args: unknown[]) => {
      if (log.isLevelEnabled(level)) log[level](format(formatter, ...args));
    };
  return Object.assign(write('debug'), {
    error: write('debug'),
    trace: write('trace'),
    enabled: log.isLevelEnabled('debug'),
    newScope: (name: string) => componentLogger(log.child({ scope: name })),
  });
}

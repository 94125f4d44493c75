/** Ends a subscription to signals. */
export type Unsubscribe = () => void;

// A closed console window reaches Windows programs as SIGHUP, and Ctrl+Break as SIGBREAK; both mean "stop" there.
const STOP_SIGNALS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGBREAK', 'SIGHUP'] : ['SIGINT', 'SIGTERM'];

/** Calls `listener` for each signal that asks the process to stop; until it is ended the process no longer dies of them. */
export function onStopSignal(listener: (signal: NodeJS.Signals) => void): Unsubscribe {
  return subscribe(STOP_SIGNALS, listener);
}

/** Calls `listener` when the process is asked to read its configuration again: SIGHUP. Windows has no such signal; use the API there. */
export function onReloadSignal(listener: () => void): Unsubscribe {
  return process.platform === 'win32' ? () => {} : subscribe(['SIGHUP'], listener);
}

function subscribe(signals: readonly NodeJS.Signals[], listener: (signal: NodeJS.Signals) => void): Unsubscribe {
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

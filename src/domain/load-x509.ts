import { createRequire } from 'node:module';

/** The library that creates certificates. */
export type X509Library = typeof import('@peculiar/x509');

let library: X509Library | undefined;

/**
 * Loads @peculiar/x509 when it is first needed. It takes over 20 MiB of memory, and only commands that create or revoke
 * need it: a running node verifies with node:crypto alone.
 *
 * While it loads, its dependency injection (tsyringe) wants three functions of the Reflect metadata proposal. They are
 * lent to it for that moment only: a library that is embedded in other programs should not change their globals.
 */
export function loadX509(): X509Library {
  library ??= withReflectMetadata(() => createRequire(import.meta.url)('@peculiar/x509') as X509Library);
  return library;
}

function withReflectMetadata<T>(run: () => T): T {
  if ('getMetadata' in Reflect) return run();
  const metadata = new WeakMap<object, Map<unknown, unknown>>();
  const get = (key: unknown, target: object) => metadata.get(target)?.get(key);
  const define = (key: unknown, value: unknown, target: object) => {
    metadata.set(target, (metadata.get(target) ?? new Map()).set(key, value));
  };
  const lent = { getMetadata: get, getOwnMetadata: get, defineMetadata: define };
  Object.assign(Reflect, lent);
  try {
    return run();
  } finally {
    for (const name of Object.keys(lent)) Reflect.deleteProperty(Reflect, name);
  }
}

// The secrets of a server's settings, so that its log can leave them out.

import type { Config } from './options.ts';

/** A shorter secret would be found in words that are none. */
const charactersMin = 6;

/** As they were given, and as a library may repeat them. */
export function secretsOf({ databaseUrl, masterKey, trace }: Config): string[] {
  const password = databaseUrl === null ? '' : new URL(databaseUrl).password;
  const found = [
    ...[password, decodeURIComponent(password)],
    ...(masterKey ?? '').split(/[\s,]+/),
    ...Object.values(trace?.headers ?? {}),
  ];
  return [...new Set(found)].filter((secret) => secret.length >= charactersMin);
}

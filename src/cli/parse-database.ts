// Parses the address of a PostgreSQL database.

import { isAbsolute } from 'node:path';
import { isLoopback } from '../lib/loopback.ts';
import { type Parser, refuse, UsageError } from './parse.ts';

const example = 'postgres://silversmith@db.example:5432/silversmith';
const filesInUrl = ['sslrootcert', 'sslcert', 'sslkey'];
const known = new Set([...filesInUrl, 'sslmode', 'host']);

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the address with `sslmode` in it: `verify-full` where none is given and the database is
 * on another host.
 */
export const databaseUrl: Parser<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol))
    return refuse(`Give an address such as ${example}.`);
  if (url.username === '' || url.pathname.length < 2)
    return refuse(`Name the user and the database, as in ${example}.`);
  if (![url.username, url.password, url.pathname].every(isDecodable))
    return refuse(
      'A % in it stands before two hexadecimal digits of UTF-8; write a % itself as %25.',
    );
  for (const name of url.searchParams.keys())
    if (!known.has(name))
      return refuse(`${name} is not known; known are ${[...known].join(', ')}.`);
  for (const name of filesInUrl)
    if (!isAbsolute(url.searchParams.get(name) ?? '/'))
      return refuse(`Give ${name} as a path that begins with /.`);
  const mode = url.searchParams.get('sslmode');
  // The parameter `host` is the folder of a socket.
  const isLocal =
    url.hostname === '' ||
    isLoopback(url.hostname.replace('[::1]', '::1')) ||
    url.searchParams.has('host');
  if (mode === null && !isLocal) url.searchParams.set('sslmode', 'verify-full');
  else if (mode !== null && mode !== 'verify-full' && mode !== 'disable')
    return refuse('sslmode is verify-full (with sslrootcert=FILE), or disable for a safe network.');
  return url.href;
};

/**
 * The address, unless it was given with a password as an argument, which other users of the host
 * can see. Throws UsageError then.
 */
export function withoutSecret(
  argument: string | undefined,
  url: string | null,
  option = '--database-url',
): string | null {
  if (argument !== undefined && url !== null && new URL(url).password !== '')
    throw new UsageError(
      `Other users of this host see the arguments of a program, so ${option} takes no password. Put it into ~/.pgpass, or give the whole address as SILVERSMITH_DATABASE_URL.`,
    );
  return url;
}

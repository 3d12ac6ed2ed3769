// The environment of the programs that a server starts.

import type { Environment } from '../lib/environment.ts';
import { systemPath } from '../lib/spawn.ts';

/** The variables that programs get: none of them may hold a secret of ours. */
const toolVariables = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'LANG', 'LC_ALL'],
  ...['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'],
];

export function toolEnvironment(env: Environment): Record<string, string> {
  const found = toolVariables.flatMap((name) =>
    env[name] === undefined ? [] : [[name, env[name]]],
  );
  return { PATH: systemPath, ...Object.fromEntries(found) };
}

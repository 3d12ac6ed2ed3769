// Starts a server in this process on real disks, with an organisation and no base, for tests in
// which no guest runs.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keyCreate } from '../../src/app/operator/key.ts';
import { createClient } from '../../src/client/client.ts';
import { permissions } from '../../src/domain/key.ts';
import { parseConfig } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import { operatorOn } from '../operator.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';

const program = new URL('../../src/bin/silversmith.js', import.meta.url).pathname;

export async function startBare(t: Scope) {
  const folder = await temporaryFolder(t);
  const dataDir = join(folder, 'data');
  const flags = { dataDir, port: '0', logLevel: 'silent' };
  const server = await serve(parseConfig(flags, { PATH: process.env.PATH }));
  defer(t, () => server.close());
  const { store, masterKey } = server;
  const organisation = await store.write('system', (work) => work.organisations.ensure('test'));
  const given = { organisation, name: 'test', permissions: [...permissions] };
  const key = await keyCreate(operatorOn(store), masterKey, given);
  const options = { url: server.url, ...key };
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder },
    SILVERSMITH_URL: server.url,
    SILVERSMITH_KEY: key.key,
    SILVERSMITH_SECRET: key.secret,
  };
  return {
    folder,
    dataDir,
    server,
    options,
    client: createClient(options),
    /** Runs the command line against the server. Rejects with its output unless it exits with 0. */
    run: (...args: string[]) =>
      promisify(execFile)(process.execPath, [program, ...args], { env, cwd: folder }),
  };
}

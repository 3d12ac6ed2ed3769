// The networks of machines where the server is not root: it runs as the user nobody, who may read
// this checkout and nothing else.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { demoBase } from '../demo-base.ts';
import { defer, leftOutWithoutRoot } from '../support.ts';

const run = new URL('network-user-run.ts', import.meta.url).pathname;
const nobody = 65_534;
const limitMs = 900_000;

describe('the networks of machines of another user', { skip: leftOutWithoutRoot }, () => {
  it('are what that user can keep, and what is missing is said', async (t) => {
    // In the cache that all users of the host read.
    await demoBase();
    const home = await mkdtemp('/var/tmp/silversmith-');
    defer(t, () => rm(home, { recursive: true, force: true }));
    await chmod(home, 0o1777);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const ran = promisify(execFile)(process.execPath, ['--test', '--test-reporter=spec', run], {
      ...{ uid: nobody, gid: nobody, cwd: home },
      env: { ...env, HOME: home, TMPDIR: home, XDG_CACHE_HOME: join(home, 'cache') },
      timeout: limitMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 1024 ** 2,
    });
    await ran.catch(({ stdout, stderr }) => assert.fail(`${stdout}\n${stderr}`));
  });
});

// The networks of machines, on a host of their own: its interfaces, its firewall and its processes
// are not those of the host that runs the test.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { leftOutWithoutRoot } from '../support.ts';

const run = new URL('network-run.ts', import.meta.url).pathname;
const limitMs = 900_000;

/** /sys shows the interfaces of the network in which it was mounted. */
const script = 'mount -t sysfs sysfs /sys && ip link set lo up && exec "$@"';

describe('the networks of machines', { skip: leftOutWithoutRoot }, () => {
  it('lead where they may and nowhere else, and leave nothing behind', async () => {
    const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const test = [process.execPath, '--test', '--test-reporter=spec', run];
    const ran = promisify(execFile)('unshare', [...apart, 'bash', '-c', script, 'bash', ...test], {
      env,
      timeout: limitMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 1024 ** 2,
    });
    await ran.catch(({ stdout, stderr }) => assert.fail(`${stdout}\n${stderr}`));
  });
});

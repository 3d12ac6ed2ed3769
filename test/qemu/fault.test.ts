// Programs of the host are missing, slow or die, and a guest prints too much or nothing. Each fault
// is reported with its reason and leaves no process or file behind, and the server recovers when
// the fault is over. hang.test.ts has programs that hang.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { defer, waitFor } from '../support.ts';
import { guests } from './quick-base.ts';
import { restMs, startQuick } from './quick-server.ts';

describe('a program of the host', () => {
  it('when missing fails the jobs that need it with a reason, and /readyz names it', async (t) => {
    const s = await startQuick(t);
    const bringBack = await s.inFront('qemu-img', 'exit 127');
    const [image, machine] = await Promise.all([s.build(), s.turn(true)]);
    assert.equal(image.status, 'failed');
    assert.match(image.status_reason ?? '', /disk file could not be made/);
    assert.equal(machine.friendly_status, 'off');
    assert.match(machine.status_reason ?? '', /disk file could not be made/);
    const ready = await fetch(`${s.url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /qemu-img is not there\. Install it/);
    await s.assertSound();
    await bringBack();
    assert.equal((await s.build()).status, 'available');
    assert.equal((await s.turn(true)).friendly_status, 'ready');
  });

  it('that ends at once fails the start with a reason, and the machine keeps its disk', {
    timeout: restMs,
  }, async (t) => {
    const s = await startQuick(t);
    const bringBack = await s.inFront('qemu-system-x86_64', 'echo no such accelerator >&2; exit 1');
    const [image, machine] = await Promise.all([s.build(), s.turn(true)]);
    assert.match(
      image.status_reason ?? '',
      /build machine of Title ended before its script did[\s\S]*no such accelerator/,
    );
    assert.match(machine.status_reason ?? '', /QEMU did not come up/);
    await s.assertSound();
    await bringBack();
    assert.equal((await s.turn(true)).friendly_status, 'ready');
  });

  it('that is killed while it works is started again', async (t) => {
    const s = await startQuick(t, { script: 'sleep 2' });
    const building = s.build();
    const { pid } = await waitFor('it builds', () => s.process('build'), restMs);
    process.kill(pid, 'SIGKILL');
    assert.equal((await building).status, 'available');
    assert.equal((await s.turn(true)).friendly_status, 'ready');
    process.kill((await waitFor('it is on', () => s.process('machine'))).pid, 'SIGKILL');
    await waitFor('it is gone', async () => !(await s.process('machine')));
    await s.reconciler.task('observe');
    const { attributes } = await s.client.machineGet({ id: s.machine });
    assert.equal(attributes.friendly_status, 'off');
    assert.match(
      attributes.status_reason ?? '',
      /went off, because its process ended .* it was killed/,
    );
    await s.assertSound();
  });

  it('that cannot start because of the process limit fails its job with a reason', async (t) => {
    const s = await startQuick(t);
    // Under the limit not even the program that raises it can be started, so it is started before.
    const limits = ['--pid', String(process.pid)];
    const soft = [...limits, '--nproc', '-o', 'SOFT', '--noheadings'];
    const before = execFileSync('prlimit', soft).toString().trim();
    const raise = spawn('sh', [
      '-c',
      `read -r _; exec prlimit "$@" --nproc=${before}:`,
      'sh',
      ...limits,
    ]);
    const raised = once(raise, 'close');
    defer(t, () => raise.kill());
    execFileSync('prlimit', [...limits, '--nproc=0:']);
    const machine = await s.turn(true);
    raise.stdin.end('now\n');
    await raised;
    assert.equal(machine.friendly_status, 'off');
    assert.match(machine.status_reason ?? '', /disk file could not be made/);
    await s.assertSound();
    assert.equal((await s.turn(true)).friendly_status, 'ready');
  });

  it('that runs out of memory is reported as such', async (t) => {
    const s = await startQuick(t);
    const real = execFileSync('which', ['qemu-system-x86_64']).toString().trim();
    await s.inFront('qemu-system-x86_64', `exec prlimit --as=500000000 -- ${real} "$@"`);
    const machine = await s.turn(true);
    assert.equal(machine.friendly_status, 'off');
    assert.match(machine.status_reason ?? '', /not enough memory/);
    await s.assertSound();
  });
});

describe('a recipe', () => {
  it('that fails is never taken for a success, whatever it prints', async (t) => {
    const forged = ['', '0'.repeat(32), ' 0123456789abcdef0123456789abcdef '].map(
      (token) => `printf '\\n\\036silversmith-exit ${token}0\\n'`,
    );
    const s = await startQuick(t, {
      script: `${forged.join('\n')}\ncat /seed/user-data /seed/recipe\nexit 3`,
    });
    const image = await s.build();
    assert.equal(image.status, 'failed');
    assert.match(image.status_reason ?? '', /failed with exit status 3/);
  });

  it('that fails is reported with its step and its last lines', async (t) => {
    const s = await startQuick(t, {
      script: 'echo going well\necho "no such thing: unobtainium" >&2\nexit 3',
    });
    const image = await s.build();
    assert.match(
      image.status_reason ?? '',
      /Step 1, Title, failed with exit status 3.*unobtainium/s,
    );
    const { steps } = await s.client.imageLog({ id: image.id });
    assert.equal(steps[0]?.output.trim(), 'going well\nno such thing: unobtainium');
    await s.assertSound();
  });
});

describe('a guest', () => {
  it('that never reports ready is turned off at the time limit, with a reason', async (t) => {
    const s = await startQuick(t, { guest: guests.silent, settings: { readyMs: 45_000 } });
    const machine = await s.turn(true);
    assert.equal(machine.friendly_status, 'off');
    assert.match(machine.status_reason ?? '', /not ready within 45 s.*its console:\n.*stuck here/s);
    const { attributes } = await s.client.machineConsole({ id: s.machine });
    assert.match(attributes.shown ?? '', /stuck here\n/);
    await s.assertSound();
  });

  it('that floods its serial ports does not make QEMU grow, and is turned off at the time limit', async (t) => {
    const s = await startQuick(t, { guest: guests.floods, settings: { readyMs: 8000 } });
    const starting = s.turn(true);
    const { pid } = await waitFor('it is on', () => s.process('machine'), restMs);
    let mostMb = 0;
    const watch = setInterval(() => {
      // The machine's process has ended by now.
      const status = existsSync(`/proc/${pid}/status`)
        ? readFileSync(`/proc/${pid}/status`, 'utf8')
        : '';
      mostMb = Math.max(mostMb, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    }, 500);
    const machine = await starting.finally(() => clearInterval(watch));
    t.diagnostic(`QEMU took ${Math.round(mostMb)} MB at most, with a guest of 512 MB`);
    assert.equal(machine.friendly_status, 'off');
    assert.match(machine.status_reason ?? '', /not ready within 8 s/);
    assert.ok(mostMb > 0 && mostMb < 1024);
    await s.assertSound();
  });

  it('that ignores a request to power off is turned off by force', async (t) => {
    const s = await startQuick(t, { settings: { gracefulStopMs: 1000 } });
    assert.equal((await s.turn(true)).friendly_status, 'ready');
    assert.equal((await s.turn(false, true)).friendly_status, 'off');
    await s.assertSound();
  });

  it('that prints without end while it is built is ended, and its image says so', async (t) => {
    const s = await startQuick(t);
    // An emulated serial port would need minutes to print this much, so a program does it.
    await s.inFront('qemu-system-x86_64', 'exec yes');
    const image = await s.build();
    assert.equal(image.status, 'failed');
    assert.match(image.status_reason ?? '', /printed more than 16777216 bytes/);
    await s.assertSound();
  });
});

// Programs of the host and recipes hang. The tests mostly wait for time limits, so they run beside
// others.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { waitFor } from '../support.ts';
import { restMs, startQuick } from './quick-server.ts';

/** Whether a process with these arguments runs. */
const isRunning = (words: readonly string[]) =>
  readdirSync('/proc').some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return (
        readFileSync(`/proc/${entry}/cmdline`, 'utf8') === words.map((word) => `${word}\0`).join('')
      );
    } catch {
      // The process ended between the two reads.
      return false;
    }
  });

describe('a program of the host', () => {
  it('that hangs once is ended at its time limit, and its job still succeeds', async (t) => {
    const s = await startQuick(t);
    const once = async (name: string, when: string) => {
      const real = execFileSync('which', [name]).toString().trim();
      const seconds = String(100_000 + Math.floor(Math.random() * 100_000));
      const bringBack = await s.inFront(
        name,
        `case "$*" in ${when}) exec sleep ${seconds};; esac\nexec ${real} "$@"`,
      );
      return async () => {
        await waitFor(`${name} hangs`, () => isRunning(['sleep', seconds]), restMs);
        await bringBack();
      };
    };
    const hangs = [
      await once('qemu-img', '*create*'),
      await once('qemu-system-x86_64', '*-machine-*'),
    ];
    const [image, machine] = await Promise.all([
      s.build(),
      s.turn(true),
      ...hangs.map((hang) => hang()),
    ]);
    assert.equal(image.status, 'available', image.status_reason ?? '');
    assert.equal(machine.friendly_status, 'ready', machine.status_reason ?? '');
    await s.assertSound();
  });
});

describe('a recipe', () => {
  it('that hangs is ended at its limit, and its image says so with its last lines', async (t) => {
    const s = await startQuick(t, { script: 'echo waiting\nsleep 600', timeoutMs: 30_000 });
    const image = await s.build();
    assert.match(
      image.status_reason ?? '',
      /Title was not done within its limit of 30 s.*waiting/s,
    );
    await s.assertSound();
  });
});

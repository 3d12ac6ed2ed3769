// Limits of builds and commands on a real Incus: on output, on time, and by a signal.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { type Call, withoutJob } from '../../src/engine/port/call.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import { machineOn, recipeOf } from '../contract/engine/world.ts';
import { waitFor } from '../support.ts';
import { leftOutWithoutIncus, startIncus } from './cluster.ts';
import { ownEngine } from './own-engine.ts';

const sizeBytes = 2 * 1024 ** 3;
const boot = { mode: 'bios' as const };
const endsMs = 120_000;

describe('a build on Incus', { skip: leftOutWithoutIncus }, () => {
  it('is ended at the limits of its output and time, and by a signal, and leaves nothing', async (t) => {
    const { first } = await startIncus(t);
    const { engine, base } = await ownEngine(t, first);
    const on = { parentId: base, baseLayerId: base, chain: [base], boot, sizeBytes };
    const build = (
      script: string,
      timeoutMs: number,
      by: Call = call,
      layerId = newId<LayerId>(),
    ) =>
      engine.buildLayer(
        { layerId, ...on, recipe: recipeOf(script, { timeoutMs }), label: 'T' },
        by,
      );
    const instances = async (): Promise<string[]> =>
      (await first.api.call('GET', '/1.0/instances?project=ours&recursion=1')).map(
        ({ name }: { name: string }) => name,
      );

    const never = { code: 'internal', retry: 'never' };
    await assert.rejects(build('cat /dev/zero', 60_000), {
      ...never,
      message: /T printed more than \d+ bytes/,
    });
    await assert.rejects(build('echo waiting; sleep 600', 1500), {
      ...never,
      message: /T was not done within its limit of 2 s.*waiting/s,
      output: 'waiting\n',
    });
    assert.deepEqual(await instances(), []);

    const stop = new AbortController();
    const layer = newId<LayerId>();
    const running = build('sleep 600', 600_000, withoutJob(stop.signal), layer);
    const ended = assert.rejects(running, /called off/);
    const isOn = async () => {
      const all = await first.api.call('GET', '/1.0/instances?project=ours&recursion=1');
      return all.some(({ status }: { status: string }) => status === 'Running');
    };
    await waitFor('the build machine is on', isOn, 60_000);
    const startedAt = performance.now();
    stop.abort(new Error('called off'));
    await ended;
    assert.ok(performance.now() - startedAt < endsMs);
    // Its remains are found as the layer, and the next attempt builds it all the same.
    assert.ok((await engine.inventory(call)).layers.has(layer));
    assert.equal((await build('true', 60_000, call, layer)).exitCode, 0);
    assert.deepEqual(await instances(), []);
    await engine.removeLayer(layer, call);
  });
});

describe('a command in a machine on Incus', { skip: leftOutWithoutIncus }, () => {
  it('gives its outputs and status, however much it prints, and says when it printed too much', async (t) => {
    const { first } = await startIncus(t);
    const { engine, base } = await ownEngine(t, first);
    const [diskId, machineId] = [newId<DiskId>(), 3 as MachineId];
    await engine.ensureDisk({ diskId, layerId: base, sizeBytes }, call);
    const run = async (script: string) =>
      engine.exec?.run({ machineId, command: ['/bin/sh', '-c', script] }, call);
    await assert.rejects(run('true'), { code: 'machine_not_ready' });
    const spec = machineOn({ machineId, diskId, boot, baseLayerId: base });
    await engine.startMachine(spec, call);
    const isReady = async () => (await engine.machineState(machineId, call)) === 'ready';
    await waitFor('the machine is ready', isReady, 60_000, 50);
    for (let times = 0; times < 10; times++) {
      const said = await run('echo out; echo err >&2; exit 3');
      assert.deepEqual(said, { exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
    }
    const much = await run('head -c 5000000 /dev/zero | tr "\\0" x; echo; echo end');
    assert.equal(much?.exitCode, 0);
    assert.match(much?.stdout ?? '', /^x+\n… \d+ bytes left out …\nx+\nend\n$/);
    await assert.rejects(run('cat /dev/zero'), /printed more than/);
    await run('echo on the console >/dev/console');
    const shown = async () =>
      (await engine.console?.read(machineId, call))?.includes('the console');
    await waitFor('its console shows what it printed', shown);
    await engine.stopMachine({ machineId, graceMs: 0 }, call);
  });
});

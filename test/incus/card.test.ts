// Network cards of machines on a real Incus: who gets one, when, and with which address.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import { machineOn, recipeOf } from '../contract/engine/world.ts';
import { waitFor } from '../support.ts';
import { leftOutWithoutIncus, startIncus } from './cluster.ts';
import { ownEngine } from './own-engine.ts';

const sizeBytes = 2 * 1024 ** 3;
const boot = { mode: 'bios' as const };
const cards = 'ls /sys/class/net; cat /sys/class/net/eth0/address 2>/dev/null; true';

describe('a machine on Incus with a profile', { skip: leftOutWithoutIncus }, () => {
  it('has a card with one address on each of its disks; a build without network has none', async (t) => {
    const { first } = await startIncus(t);
    const devices = { eth0: { type: 'nic', nictype: 'p2p', name: 'eth0' } };
    await first.api.call('POST', '/1.0/profiles', { json: { name: 'with-card', devices } });
    const { engine, base } = await ownEngine(t, first, 'with-card');

    const addressOf = async (machineId: MachineId, diskId: DiskId) => {
      await engine.ensureDisk({ diskId, layerId: base, sizeBytes }, call);
      const spec = machineOn({ machineId, diskId, boot, baseLayerId: base });
      await engine.startMachine(spec, call);
      const isReady = async () => (await engine.machineState(machineId, call)) === 'ready';
      await waitFor('the machine is ready', isReady, 60_000, 50);
      const command = ['/bin/sh', '-c', cards];
      const { stdout = '' } = (await engine.exec?.run({ machineId, command }, call)) ?? {};
      await engine.stopMachine({ machineId, graceMs: 0 }, call);
      return stdout.trim().split('\n').at(-1);
    };
    const [one, other] = [1 as MachineId, 2 as MachineId];
    const address = await addressOf(one, newId());
    assert.match(address ?? '', /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    assert.equal(await addressOf(one, newId()), address);
    assert.notEqual(await addressOf(other, newId()), address);

    const seen = async (network: boolean) => {
      const layerId = newId<LayerId>();
      const on = { parentId: base, baseLayerId: base, chain: [base], boot, sizeBytes };
      const recipe = recipeOf('ls /sys/class/net\n', { network });
      const built = await engine.buildLayer({ layerId, ...on, recipe, label: 'a title' }, call);
      return built.output.trim().split('\n');
    };
    assert.deepEqual(await seen(false), ['lo']);
    assert.deepEqual(await seen(true), ['eth0', 'lo']);
  });
});

// Machines that start from memory, beyond what npm test has time for: with a card, after a stop,
// after a failed hook, and from a base with cloud-init.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import type { MachineSpec } from '../../src/engine/port/machines.ts';
import { call } from '../call.ts';
import { cloudBase } from '../qemu/cloud-base.ts';
import { readyMs, type TemplateWorld, templateWorld } from '../qemu/template-world.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

const who = [
  ...['cat /etc/machine-id /var/lib/silversmith/identity', 'hostname'],
  'ls /sys/class/net | grep -v lo',
  'cat /sys/class/net/e*/address',
].join('\n');
const keys = 'cat /etc/ssh/ssh_host_*.pub';

/** Starts it again as any machine on a disk that it has, and waits until it is ready. */
async function boot(world: TemplateWorld, spec: MachineSpec): Promise<void> {
  const { template: _, ...cold } = spec;
  await world.engine.stopMachine({ machineId: spec.machineId, graceMs: 60_000 }, call);
  await world.engine.startMachine({ ...cold, fresh: false }, call);
  await ready(world, spec.machineId);
}

const ready = ({ engine }: TemplateWorld, id: MachineId) =>
  waitFor(
    'the machine is ready',
    async () => (await engine.machineState(id, call)) === 'ready',
    readyMs,
    200,
  );

describe('an instant start with a network', () => {
  const suite: Scope = { after };
  defer(suite, () => {});
  let world: TemplateWorld;
  before(async () => {
    world = await templateWorld(suite, { networks: { network: 'user', reach: [] } });
  });

  it('plugs in the card of the machine, which has its address when the machine is ready', async () => {
    const { engine, machine, inside, stop } = world;
    const macs: string[] = [];
    for (const id of [1, 2]) {
      const spec = await machine(id);
      assert.deepEqual(await engine.startMachine(spec, call), { how: 'instant' });
      const [address = ''] = await inside(id, 'ip -4 -o addr show scope global');
      assert.match(address, / 10\.0\.2\.15\//);
      macs.push(...(await inside(id, 'cat /sys/class/net/e*/address')));
      await stop(id);
    }
    assert.equal(new Set(macs).size, 2, macs.join());
  });

  it('is the same machine when it boots later, with the same card', async () => {
    const { engine, machine, inside, stop } = world;
    const spec = await machine(3);
    assert.deepEqual(await engine.startMachine(spec, call), { how: 'instant' });
    await inside(3, 'echo kept >/root/kept; sync');
    const before = await inside(3, who);
    await boot(world, spec);
    assert.deepEqual(await inside(3, who), before);
    assert.deepEqual(await inside(3, 'cat /root/kept'), ['kept']);
    assert.deepEqual(await inside(3, 'systemctl --failed --no-legend | wc -l'), ['0']);
    await stop(3);
  });

  it('boots on an empty disk when its hook fails, and is a machine of its own', async () => {
    const { engine, machine, inside, stop } = world;
    const spec = await machine(4, { name: 'no hook' });
    assert.equal((await engine.startMachine(spec, call)).how, 'cold');
    await ready(world, spec.machineId);
    const [id = '', instance, name] = await inside(4, who);
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.deepEqual([instance, name], [spec.diskId, 'no-hook']);
    assert.deepEqual(
      await inside(4, 'ls /run/hooked /run/silversmith/boot-id 2>/dev/null | wc -l'),
      ['0'],
    );
    await stop(4);
  });
});

describe('an instant start of a base with cloud-init', () => {
  it('has keys and an instance of its own, which a later boot keeps', async (t) => {
    const base = await cloudBase(await temporaryFolder(t), {});
    const world = await templateWorld(t, { base });
    const { engine, machine, inside } = world;
    const seen: string[] = [];
    for (const id of [1, 2]) {
      const spec = await machine(id);
      assert.deepEqual(await engine.startMachine(spec, call), { how: 'instant' });
      seen.push((await inside(id, keys)).join('\n'));
      assert.deepEqual(await inside(id, 'cat /var/lib/cloud/data/instance-id'), [spec.diskId]);
      if (id === 1) {
        await boot(world, spec);
        assert.equal((await inside(id, keys)).join('\n'), seen[0]);
        assert.deepEqual(await inside(id, 'cat /var/lib/cloud/data/instance-id'), [spec.diskId]);
        // The agent answers before the last stage has ended.
        const status = 'cloud-init status --wait >/dev/null; cloud-init status';
        assert.deepEqual(await inside(id, status), ['status: done']);
      }
    }
    assert.ok(seen.every((text) => text.includes('ssh-ed25519')));
    assert.notEqual(seen[0], seen[1]);
  });
});

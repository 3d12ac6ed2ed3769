// The network of machines over HTTP: ports of the host, addresses, and care for what has changed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import type { MachineNetwork } from '../../src/domain/machine-network.ts';
import type { NetworkSpec } from '../../src/engine/port/machines.ts';
import { waitFor } from '../support.ts';
import { type Harness, startHarness } from './harness.ts';

const on = async (h: Harness, id: number, network: MachineNetwork, name?: string) => {
  await h.store.write(h.ours, (work) => work.machines.update(id as MachineId, { network }));
  if (name === undefined) return;
  await h.call('machineStart', { params: { id } });
  await h.machineIs(id, 'ready');
};
const forwardsOf = async (h: Harness, id: number) =>
  (await h.call('machineForwardList', { params: { id } })).body.forwards.map(
    ({ attributes }: { attributes: object }) => attributes,
  );

describe('a port of the host that leads to a machine', () => {
  it('is opened while the machine is on, stays while it is off, and is gone with the machine', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    await on(h, id, 'user');
    const params = { id };
    const add = (body: object) => h.call('machineForwardAdd', { params, body });
    const added = await add({ port: 2222, guest_port: 22 });
    assert.deepEqual([added.status, added.body.attributes.open], [200, false]);
    assert.equal(added.body.attributes.address, '127.0.0.1');
    const again = await add({ port: 2222, guest_port: 22 });
    assert.equal(again.body.id, added.body.id);
    await on(h, id, 'user', 'started');
    await waitFor('it is open', async () => (await forwardsOf(h, id))[0].open);
    await h.call('machineStop', { params });
    await h.machineIs(id, 'off');
    assert.equal((await forwardsOf(h, id))[0].open, false);
    await h.call('machineDelete', { params });
    await h.service.reconciler.settle();
    await h.call('machineUndelete', { params });
    assert.deepEqual(await forwardsOf(h, id), []);
  });

  it('says why it cannot be opened', async (t) => {
    const h = await startHarness(t);
    const { id } = await h.addMachine(h.ours, 'sim-port-taken');
    await on(h, id, 'user', 'started');
    const body = { port: 2222, guest_port: 22 };
    await h.call('machineForwardAdd', { params: { id }, body });
    const fault = await waitFor('its fault', async () => (await forwardsOf(h, id))[0].fault);
    assert.match(fault, /taken on purpose/);
    assert.equal((await forwardsOf(h, id))[0].open, false);
  });

  it('is refused where it would lead to no machine, or the operator does not allow it', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0, other = 0] = h.machines;
    const theirs = await h.addMachine(h.theirs);
    const usual = { port: 2222, guest_port: 22 };
    const add = async (body: object, machine = id) => {
      const { status, body: said } = await h.call('machineForwardAdd', {
        params: { id: machine },
        body,
      });
      return [status, said.message];
    };
    assert.match(String(await add(usual)), /^400,.*machine \d+ is on none/);
    for (const one of [id, other]) await on(h, one, 'user');
    for (const [body, says] of [
      [{ ...usual, address: '0.0.0.0' }, /on 127\.0\.0\.1 only/],
      [{ ...usual, port: 80 }, /from 2000 to 32767/],
      [{ ...usual, port: 65_536 }, /port/],
      [{ ...usual, guest_port: 0 }, /guest_port/],
      [{ ...usual, protocol: 'sctp' }, /protocol/],
      [{ ...usual, address: '::1' }, /address/],
      [{ ...usual, port: '2222' }, /port/],
    ] as const) {
      const [status, message] = await add(body);
      assert.equal(status, 400);
      assert.match(message, says);
    }
    assert.deepEqual((await add(usual))[0], 200);
    assert.deepEqual((await add({ ...usual, protocol: 'udp' }))[0], 200);
    assert.match(String(await add(usual, other)), /^409,Port 2222\/tcp leads to a machine already/);
    assert.match(String(await add({ ...usual, guest_port: 23 })), /^409,/);
    assert.equal((await add(usual, theirs.id))[0], 404);
    const [first] = await forwardsOf(h, id);
    const remove = (machine: number, forward: number) =>
      h.call('machineForwardRemove', { params: { id: machine, forward } });
    assert.equal((await remove(other, first.id)).status, 404);
    assert.equal((await remove(id, first.id)).status, 200);
    assert.equal((await remove(id, first.id)).status, 404);
    assert.equal((await add(usual, other))[0], 200);
  });

  it('is limited in number', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0] = h.machines;
    await on(h, id, 'user');
    const statuses: number[] = [];
    for (let port = 2000; port < 2033; port++)
      statuses.push(
        (await h.call('machineForwardAdd', { params: { id }, body: { port, guest_port: 1 } }))
          .status,
      );
    assert.deepEqual(statuses, [...Array(32).fill(200), 400]);
  });
});

describe('the network of a machine', () => {
  it('is cared for when its permission changes, and shows its addresses while it is on', async (t) => {
    const cared: (NetworkSpec & { id: number })[] = [];
    const h = await startHarness(t, {
      wrapEngine: (engine) => ({
        ...engine,
        network: {
          ...(engine.network ?? assert.fail('it has one')),
          async care(spec, call) {
            cared.push({ id: spec.machineId, ...spec.network });
            return engine.network?.care(spec, call) ?? null;
          },
        },
      }),
    });
    const { id } = await h.addMachine(h.ours, 'sim-address');
    await on(h, id, 'bridge:lab', 'started');
    const shown = async () => (await h.call('machineGet', { params: { id } })).body.attributes;
    await waitFor('its address', async () => (await shown()).addresses[0] === '10.20.0.5');
    assert.equal((await shown()).network, 'bridge:lab');
    assert.deepEqual(cared, [{ id, kind: 'bridge:lab', internet: true }]);
    const body = { permissions: { public_internet_access: false } };
    await h.call('machinePermissionsSet', { params: { id }, body });
    await waitFor('care', () => cared.some(({ internet }) => !internet));
    await h.call('machineStop', { params: { id } });
    await h.machineIs(id, 'off');
    assert.deepEqual((await shown()).addresses, []);
  });

  it('follows its machine type', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const size = { name: 'Lab', code: 'lab', cpus: 1, memoryMb: 512, diskSizeGb: 10 };
    const { id: plan_id } = await h.store.write('system', (work) =>
      work.machineTypes.add({ ...size, network: 'bridge:lab' }),
    );
    const made = (await h.call('machineCreate', { body: { plan_id } })).body.machines[0];
    assert.equal(made.attributes.network, 'bridge:lab');
    const [id = 0] = h.machines;
    await h.call('machineTypeSet', { params: { id }, body: { machine_type_id: plan_id } });
    const { attributes } = (await h.call('machineGet', { params: { id } })).body;
    assert.equal(attributes.network, 'bridge:lab');
  });
});

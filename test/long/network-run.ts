// The guests of an engine and what they reach. network.test.ts runs this on a host apart.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import type { Forward, MachineNetwork } from '../../src/domain/machine-network.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { hardwareOf } from '../../src/engine/identity.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { findProcess, processesIn } from '../../src/engine/qemu/process.ts';
import { tapName } from '../../src/engine/qemu/tap.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn } from '../contract/engine/world.ts';
import {
  bridge,
  inside,
  listens,
  networkHost,
  outside,
  reached,
  routed,
  servesBoth,
  shellGuest,
} from '../qemu/network-host.ts';
import { quickBase } from '../qemu/quick-base.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

const limitMs = 240_000;
const installation = 'a1b2c3d4e5f6';
const suite: Scope = { after };
defer(suite, () => {});

type Engine = Awaited<ReturnType<typeof openQemu>>;
const world = {} as { engine: Engine; root: string; service: number; folder: string };
const openIn = (root: string) =>
  openQemu({ root, installation, networks: { network: 'user', reach: [] } });

const forward = (port: number, guestPort = 22): Forward => ({
  ...{ protocol: 'tcp', address: '127.0.0.1', port, guestPort },
});
const care = (id: number, internet: boolean, forwards: readonly Forward[] = []) =>
  world.engine.network.care(
    { machineId: id as MachineId, network: { kind: null, internet }, forwards },
    call,
  );
const tables = () => execFileSync('nft', ['list', 'tables']).toString();
const devices = () => readdirSync('/sys/class/net').filter((name) => name.startsWith('sm'));
const processOf = (id: number) =>
  findProcess(processesIn(realpathSync(world.root), installation), 'machine', id);

const base = layerId();
let boot: Awaited<ReturnType<typeof quickBase>>['boot'];

async function start(id: number, kind: MachineNetwork | null, internet = true): Promise<void> {
  const { engine } = world;
  const disk = diskId();
  await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes: gbBytes }, call);
  const spec = machineOn({ machineId: id as MachineId, diskId: disk, boot, baseLayerId: base });
  await engine.startMachine({ ...spec, fresh: false, network: { kind, internet } }, call);
}

before(async () => {
  const folder = await temporaryFolder(suite);
  const { service } = await networkHost(suite, folder);
  const root = join(folder, 'engine');
  Object.assign(world, { folder, root, service, engine: await openIn(root) });
  defer(suite, async () => {
    for (const machineId of await world.engine.runningMachines(call))
      await world.engine.stopMachine({ machineId, graceMs: 0 }, call);
  });
  const { boot: profile, ...files } = await quickBase(folder, shellGuest);
  boot = profile;
  await world.engine.importBase({ layerId: base, ...(await contents(files)) }, call);
});

describe('machines on the network user', () => {
  const [one, two] = [forward(2222), forward(2223)];
  const [atOne, atTwo] = [['127.0.0.1', 2222] as const, ['127.0.0.1', 2223] as const];

  it('reach the internet as permitted, but no service of the host, no other machine and no metadata', async () => {
    await start(1, null);
    await start(2, null, false);
    assert.deepEqual((await care(1, true, [one]))?.faults, new Map());
    await care(2, false, [two]);
    const wrong = [
      `10.0.2.2:${world.service}`,
      `${bridge.address}:${world.service}`,
      '10.0.2.2:2223',
      outside.metadata,
    ];
    assert.deepEqual(await reached(atOne, [...wrong, outside.public]), [outside.public]);
    assert.deepEqual(await reached(atTwo, [...wrong, outside.public]), []);
  });

  it('obey a change of their permission at once', async () => {
    await care(2, true, [two]);
    assert.deepEqual(await reached(atTwo, [outside.public]), [outside.public]);
    await care(2, false, [two]);
    assert.deepEqual(await reached(atTwo, [outside.public]), []);
  });

  it('are walled in again when somebody has flushed the rules of the host', async () => {
    execFileSync('nft', ['flush', 'ruleset']);
    await care(1, true, [one]);
    const host = `10.0.2.2:${world.service}`;
    assert.deepEqual(await reached(atOne, [host, outside.public]), [outside.public]);
  });

  it('say which port is taken, open the others, and close those that are not wanted any more', async () => {
    const taken = forward(world.service);
    const seen = await care(1, true, [taken, forward(2224)]);
    assert.match(seen?.faults.get(taken) ?? '', /another program has the port/);
    assert.equal(seen?.faults.size, 1);
    assert.deepEqual([await listens(2224), await listens(2222)], [true, false]);
  });
});

describe('machines on a bridge', () => {
  const kind = `bridge:${bridge.name}` as const;
  const addressOf = (id: number) =>
    waitFor('its address', async () => (await care(id, true))?.addresses[0], limitMs);

  it('get the addresses of the bridge, which are learnt, and have no network of the host', async () => {
    await start(3, kind);
    await start(4, kind);
    const address = await addressOf(3);
    assert.match(address, /^10\.99\.0\.\d+$/);
    const mac = hardwareOf(installation, 3 as MachineId).mac;
    assert.ok((await inside(address, 22, 'cat /sys/class/net/eth0/address')).includes(mac));
    const { pid } = (await processOf(3)) ?? assert.fail('it runs');
    assert.notEqual(readlinkSync(`/proc/${pid}/ns/net`), readlinkSync('/proc/self/ns/net'));
  });

  it('reach the internet as permitted and at once, but no other machine and no metadata', async () => {
    const [three, four] = [await addressOf(3), await addressOf(4)];
    assert.ok(await inside(four, 22, 'true'), 'the host reaches it');
    const servers = [outside.public, outside.metadata, `${bridge.address}:${world.service}`];
    const [open = '', , host = ''] = servers;
    assert.deepEqual(await reached([three, 22], servers), [open, host]);
    const other = `/bin/busybox nc -w 3 ${four} 22 </dev/null && echo met`;
    assert.doesNotMatch(await inside(three, 22, other), /met/);
    await care(3, false);
    assert.deepEqual(await reached([three, 22], servers), [host]);
  });

  it('leave no device and no rules, whether they are stopped or killed', async () => {
    assert.equal(devices().length, 2);
    await world.engine.stopMachine({ machineId: 3 as MachineId, graceMs: 0 }, call);
    assert.equal(devices().length, 1);
    assert.doesNotMatch(tables(), /machine-3/);
    const { pid } = (await processOf(4)) ?? assert.fail('it runs');
    process.kill(pid, 'SIGKILL');
    await waitFor('its device is gone', () => devices().length === 0, limitMs);
    await waitFor('it is off', async () => !(await processOf(4)), limitMs);
    const left = await world.engine.network.remains(call);
    assert.deepEqual(left, ['the network device or the rules of machine 4, which is off']);
    await world.engine.hostBound.tidy(call);
    assert.deepEqual(await world.engine.network.remains(call), []);
    assert.doesNotMatch(tables(), /machine-4/);
  });

  it('do not start on a bridge that the host lacks, and leave nothing then', async () => {
    await assert.rejects(start(5, 'bridge:br9'), /This host has no bridge br9\. Make it/);
    assert.deepEqual(devices(), []);
    assert.equal(await world.engine.machineState(5 as MachineId, call), 'off');
  });
});

describe('machines on a tap device', () => {
  it('get addresses of both kinds from what the operator runs there, and are reached by both', async () => {
    await start(6, 'tap');
    const device = tapName(installation, '6');
    assert.deepEqual(devices(), [device]);
    servesBoth(suite, world.folder, device);
    const learnt = async () => (await care(6, true))?.addresses ?? [];
    const four = await waitFor('its address', async () => (await learnt())[0], limitMs);
    assert.match(four, /^10\.77\.0\.\d+$/);
    const six = await waitFor(
      'its address by router advertisements',
      async () => /fd77:[0-9a-f:]+/.exec(await inside(four, 22, '/bin/busybox ip addr'))?.[0],
      limitMs,
    );
    assert.ok(await inside(six, 22, 'true'), 'the host reaches it');
    const both = await learnt();
    assert.deepEqual(new Set(both), new Set([four, six]));
    const host = `${routed.address}:${world.service}`;
    assert.deepEqual(await reached([four, 22], [host, outside.metadata]), [host]);
  });

  it('leave no device and no rules', async () => {
    await world.engine.stopMachine({ machineId: 6 as MachineId, graceMs: 0 }, call);
    assert.deepEqual(devices(), []);
    assert.doesNotMatch(tables(), /machine-6/);
  });
});

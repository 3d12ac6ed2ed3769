// Starts twenty machines, on disks made in each possible way, from four bases: one with cloud-init
// and the guest agent, one with each of them alone, and the demo base. Prints the identity of each
// machine, and fails when two machines share a value that must be unique. Takes half an hour under
// emulation: npm run identities [BASE …]

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootProfile } from '../../src/domain/boot.ts';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import { partsOf } from '../../src/engine/optional/transfer.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { findProcess, processesIn } from '../../src/engine/qemu/process.ts';
import { fileContent, fileSink } from '../../src/lib/content.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, recipeOf } from '../contract/engine/world.ts';
import { demoBase } from '../demo-base.ts';
import { waitFor } from '../support.ts';
import { cloudBase, debugfs } from './cloud-base.ts';
import {
  assertNobody,
  assertUnique,
  digest,
  type Identity,
  print,
  reader,
  say,
} from './identity-table.ts';

const sizeBytes = 3 * gbBytes;
const readyMs = 15 * 60_000;
const bytesMax = Number.MAX_SAFE_INTEGER;

interface Files {
  disk: string;
  kernel?: string;
  initrd?: string;
  boot: BootProfile;
}

const dhcp = '[Match]\nType=ether\n[Network]\nDHCP=yes\n';

const bases: Record<string, (folder: string) => Promise<Files>> = {
  both: (folder) => cloudBase(folder, {}),
  'cloud-init': (folder) => cloudBase(folder, { agent: false }),
  async agent(folder) {
    const base = await cloudBase(folder, { cloudInit: false });
    await writeFile(join(folder, 'network'), dhcp);
    debugfs(base.disk, [`write ${join(folder, 'network')} /etc/systemd/network/80-dhcp.network`]);
    return base;
  },
  demo: () => demoBase(),
};

async function main(folder: string, wanted: readonly string[]): Promise<void> {
  const root = join(folder, 'engine');
  const engine = await openQemu({ root, networks: { network: 'user', reach: [] } });
  const own = processesIn(await realpath(root));
  const rows: Identity[] = [];
  let last = 0;

  const rawOf = (path: string) => {
    const raw = join(folder, `${digest(Buffer.from(path))}.raw`);
    execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, raw]);
    return raw;
  };

  /**
   * Starts a machine and returns its identity: from its process, through the agent where one
   * answers, and from its disk after it stopped.
   */
  async function identify(
    base: string,
    how: string,
    files: Files,
    layer: LayerId,
    at: { id: MachineId; disk: DiskId; fresh: boolean },
    baseLayerId: LayerId,
    chain: readonly LayerId[],
  ) {
    const { id, disk, fresh } = at;
    await engine.ensureDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
    const name = `Studio ${id}`;
    await engine.startMachine(
      {
        machineId: id,
        diskId: disk,
        name,
        cpus: 1,
        memoryMb: 512,
        boot: files.boot,
        baseLayerId,
        chain,
        fresh,
      },
      call,
    );
    const state = await waitFor(
      `machine ${id} is ready`,
      async () => {
        const now = await engine.machineState(id, call);
        assert.notEqual(now, 'off', `machine ${id} went off`);
        return now !== 'on' && now;
      },
      readyMs,
      500,
    );
    assert.equal(state, 'ready', `machine ${id} of ${base}, ${how}`);
    const line = (await findProcess(own, 'machine', id))?.commandLine ?? [];
    const lease = base === 'cloud-init' ? '' : await leaseOf(engine, id);
    await engine.stopMachine({ machineId: id, graceMs: 120_000 }, call);
    const raw = rawOf(join(root, 'disks', `${disk}.qcow2`));
    const { file, names } = reader(raw);
    const keys = names('/etc/ssh').filter((one) => /^ssh_host_.*\.pub$/.test(one));
    const cloud = file('/var/lib/cloud/data/instance-id').toString().trim();
    const identity: Identity = {
      machine: String(id),
      base,
      how,
      host: file('/etc/hostname').toString().trim(),
      mac: /mac=([0-9a-f:]+)/.exec(line.join(' '))?.[1] ?? '',
      uuid: line[line.indexOf('-uuid') + 1] ?? '',
      'machine id': file('/etc/machine-id').toString().trim(),
      // Empty when the file is a link to the machine id.
      'D-Bus id': file('/var/lib/dbus/machine-id').toString().trim(),
      seed: digest(file('/var/lib/systemd/random-seed')),
      'host keys': keys.map((key) => digest(file(`/etc/ssh/${key}`))).join(' '),
      DHCP: lease,
      certificate: names('/etc/ssl/certs').includes('ssl-cert-snakeoil.pem')
        ? digest(file('/etc/ssl/certs/ssl-cert-snakeoil.pem'))
        : '',
      instance: cloud || file('/var/lib/silversmith/identity').toString().trim(),
    };
    await rm(raw);
    say(`${new Date().toISOString()} ${Object.values(identity).join(' | ')}`);
    return identity;
  }

  async function five(base: string): Promise<void> {
    const own = join(folder, base);
    const files = await bases[base]?.(own);
    assert.ok(files, `no base ${base}`);
    const { boot, ...given } = files;
    const baseLayer = layerId();
    await engine.importBase({ layerId: baseLayer, ...(await contents(given)) }, call);
    const fresh = async (how: string, layer: LayerId, root = baseLayer) => {
      const at = { id: ++last as MachineId, disk: diskId(), fresh: true };
      const row = await identify(base, how, files, layer, at, root, [...new Set([layer, root])]);
      rows.push(row);
      return { ...at, row };
    };
    const first = await fresh('base', baseLayer);
    await fresh('base', baseLayer);
    // A build needs a program in its guest that runs the recipe of its seed. The agent does not.
    if (base !== 'agent') {
      const built = layerId();
      const step = { layerId: built, parentId: baseLayer, sizeBytes, label: 'A title' };
      const spec = { ...step, boot, baseLayerId: baseLayer, chain: [baseLayer] };
      await engine.buildLayer(
        { ...spec, recipe: recipeOf('echo built >/built\n', { timeoutMs: readyMs }) },
        call,
      );
      assertNobody(rawOf(join(root, 'layers', `${built}.qcow2`)));
      await fresh('built', built);
    }
    const captured = layerId();
    await engine.sealDisk({ diskId: first.disk, layerId: captured, sizeBytes }, call);
    await fresh('captured', captured);
    if (base === 'agent') await fresh('captured', captured);
    const [exported, imported] = [join(folder, `${base}.qcow2`), layerId()];
    const chain = { boot, baseLayerId: baseLayer, chain: [captured, baseLayer] };
    const leaving = {
      ...chain,
      layerId: captured,
      format: 'qcow2' as const,
      to: fileSink(exported),
      bytesMax,
    };
    const { tail } = await engine.transfer.exportLayer(leaving, call);
    await engine.transfer.importLayer(
      {
        layerId: imported,
        parentId: null,
        bytesMax,
        ...partsOf(await fileContent(exported), tail),
      },
      call,
    );
    await fresh('imported', imported);
    if (base === 'cloud-init' || base === 'both') return;
    // A reset gives the machine a new disk and with it a new identity; its network card and UUID
    // stay. Undoing the reset restores the identity.
    const reset = await identify(
      base,
      'reset',
      files,
      baseLayer,
      { id: first.id, disk: diskId(), fresh: true },
      baseLayer,
      [baseLayer],
    );
    assert.deepEqual(
      [reset.mac, reset.uuid, reset.host],
      [first.row.mac, first.row.uuid, first.row.host],
    );
    rows.push({ ...reset, mac: '', uuid: '', host: '' });
    const undone = await identify(
      base,
      'undo',
      files,
      captured,
      { id: first.id, disk: first.disk, fresh: false },
      baseLayer,
      [captured, baseLayer],
    );
    // Each boot writes a new random seed, so it is not compared.
    assert.deepEqual({ ...undone, seed: '', how: '' }, { ...first.row, seed: '', how: '' });
  }

  try {
    const queue = [...wanted];
    const work = async () => {
      for (let base = queue.shift(); base !== undefined; base = queue.shift()) await five(base);
    };
    await Promise.all([work(), work()]);
  } finally {
    for (const id of await engine.runningMachines(call))
      await engine.stopMachine({ machineId: id, graceMs: 0 }, call);
  }
  rows.sort((a, b) => Number(a.machine) - Number(b.machine));
  print(rows);
  assertUnique(rows);
  say(`${rows.length} identities on ${last} machines: nothing is there twice.`);
}

async function leaseOf(engine: Engine, id: MachineId): Promise<string> {
  // The agent may begin to answer some time after the machine is ready.
  const lease = () =>
    requirePart(engine, 'exec')
      .run({ machineId: id, command: ['/bin/sh', '-c', 'cat /run/systemd/netif/leases/*'] }, call)
      .catch(() => null);
  const found = await waitFor(
    'it has a lease',
    async () => /CLIENTID=(\w+)/.exec((await lease())?.stdout ?? '')?.[1],
    readyMs,
    1000,
  );
  return found;
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-identities-'));
try {
  const given = process.argv.slice(2);
  await main(folder, given.length > 0 ? given : Object.keys(bases));
} finally {
  await rm(folder, { recursive: true, force: true });
}

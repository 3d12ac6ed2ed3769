// The QEMU engine keeps disks as qcow2 files and runs machines as QEMU processes on this host. A
// layer is an overlay that is never opened for writing again. So a capture is a rename and an
// assignment is an empty file, and both take the same time whatever the size of the disk.

import { hash } from 'node:crypto';
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assertHoldsDisk } from '../../domain/disk-kind.ts';
import { failedForGood, failedForNow } from '../../domain/error.ts';
import type { DiskId, LayerId } from '../../domain/ids.ts';
import { exists, sha256File, statOrNull } from '../../lib/files.ts';
import { systemPath } from '../../lib/spawn.ts';
import { fenced } from '../fence.ts';
import type { Parts } from '../optional/parts.ts';
import type { Verify } from '../optional/verify.ts';
import type { Engine, Inventory } from '../port/engine.ts';
import { backUp } from './backup.ts';
import { importBase, importFile } from './base.ts';
import { bootFault, growthFault, settleBoot } from './boot.ts';
import { buildLayer, removeBuild } from './build.ts';
import { Consoles } from './console.ts';
import { disksIn } from './disk.ts';
import { execIn } from './exec.ts';
import { removeState, stateBytes } from './firmware-state.ts';
import { type Confining, defaultConfining, prepareFolders, probeHost } from './host.ts';
import { Machines } from './machine.ts';
import { type NetworkOptions, Networks } from './network.ts';
import { networkIn } from './network-care.ts';
import { packagesIn } from './packages/list.ts';
import { type Paths, stateIn } from './paths.ts';
import { pauseIn } from './pause.ts';
import { processesIn } from './process.ts';
import { Pulses } from './pulses.ts';
import { rewriteLayer } from './rewrite.ts';
import { capacityOf, hostSize } from './room.ts';
import { screenIn } from './screen.ts';
import { templatesIn } from './template.ts';
import { TemplateMemories } from './template-memory.ts';
import { tidy } from './tidy.ts';
import { lostTpms } from './tpm.ts';
import { exportLayer, importLayer } from './transfer.ts';
import { bootOnce } from './trial.ts';

interface QemuOptions {
  /** The engine's own folder, which is made when it does not exist. */
  root: string;
  /** The network of machines; none by default. */
  networks?: NetworkOptions;
  /** The id of the installation, by which its guests are known also when its folder is gone. */
  installation?: string;
  /** Folders in which QEMU and its tools are looked for, divided by colons. */
  path?: string;
  /** Where the proxy variables of the host are looked for. */
  environment?: Readonly<Record<string, string>>;
  confining?: Confining;
}

/** Every part that an engine of one host can have. */
type QemuParts = Omit<Parts, 'places'>;
type Qemu = Engine & QemuParts;

export async function openQemu({
  root: given,
  networks: networkOptions = { network: 'none', reach: [] },
  ...options
}: QemuOptions): Promise<Qemu> {
  const { path = systemPath, confining = defaultConfining, environment = {} } = options;
  await mkdir(given, { recursive: true });
  const root = await realpath(given);
  const wanted = { root, path, confining, environment };
  const host = await probeHost(wanted);
  const own = processesIn(root, options.installation);
  const { paths } = own;
  await prepareFolders(root, paths.folders);
  const networks = new Networks(host, own.installation, networkOptions);
  const memories = new TemplateMemories(paths);
  const machines = new Machines(host, own, networks, memories);
  const pulses = new Pulses(own);
  const consoles = new Consoles(own);
  const context = { host, ...own };

  return fenced<QemuParts>({
    name: 'qemu',
    ...disksIn(paths, host),
    importBase: (spec, { signal }) => importBase(spec, signal, paths, host),
    async removeLayer(layerId) {
      await removeBuild(layerId, context);
      for (const file of [paths.layer(layerId), paths.kernel(layerId), paths.initrd(layerId)])
        await rm(file, { force: true });
      await removeState(paths.layerState(layerId));
    },
    importFile: (spec, { signal }) => importFile(spec, signal, paths),
    buildLayer: (spec, { signal }) => buildLayer(spec, signal, context),
    startMachine: (spec, { signal }) => machines.start(spec, signal),
    machineState: (id) => machines.state(id),
    stopMachine: (spec, { signal }) => machines.stop(spec, signal),
    runningMachines: () => machines.running(),
    async check() {
      host.boards = (await probeHost(wanted)).boards;
      await prepareFolders(root, paths.folders);
      return capacityOf(root);
    },
    inventory: () => inventoryOf(paths),
    async close() {
      pulses.close();
      await consoles.close();
      machines.close();
      await memories.close();
    },

    backup: { copy: (spec, { signal }) => backUp(spec, signal, context) },
    bootCheck: {
      boards: async () => host.boards,
      settle: (spec) => settleBoot(spec, paths, host),
      fault: (root) => bootFault(root, paths, host),
      growthFault: (root) => growthFault(root, paths),
    },
    compact: { rewrite: (spec, { signal }) => rewriteLayer(spec, signal, paths, host) },
    console: {
      read: async (id) => consoles.shown(id) ?? machines.console(id),
      open: (id, { signal }) => consoles.open(id, signal),
    },
    exec: { run: (spec, { signal }) => execIn(spec, signal, own) },
    hostBound: { tidy: () => tidy(context, networks), size: hostSize() },
    instant: templatesIn({ ...context, memories }),
    network: networkIn(own, host, networks),
    packages: packagesIn(paths, host.user),
    pause: pauseIn(own),
    screen: screenIn(context),
    tpm: { lost: () => lostTpms(own) },
    transfer: {
      assertTakes: assertHoldsDisk,
      exportLayer: (spec, { signal }) => exportLayer(spec, signal, paths, host),
      importLayer: (spec, { signal }) => importLayer(spec, signal, paths, host),
    },
    trial: { bootOnce: (spec, { signal }) => bootOnce(spec, signal, context) },
    verify: verifyIn(paths),
    vitals: { look: ({ signal }) => pulses.look(signal) },
  });
}

async function inventoryOf(paths: Paths): Promise<Inventory> {
  const sizes = async <Id extends string>(folder: string) => {
    const found = new Map<Id, number>();
    for (const name of await readdir(folder)) {
      const size = name.endsWith('.qcow2') ? await statOrNull(join(folder, name)) : null;
      if (!size) continue;
      const id = name.slice(0, -'.qcow2'.length) as Id;
      found.set(id, size.blocks * 512 + (await stateBytes(stateIn(folder, id))));
    }
    return found;
  };
  const [layers, disks] = [await sizes<LayerId>(paths.layers), await sizes<DiskId>(paths.disks)];
  return {
    layers,
    disks,
    remains: {
      layers: await statesWithout<LayerId>(paths.layers, layers),
      disks: await statesWithout<DiskId>(paths.disks, disks),
    },
    files: new Set(await readdir(paths.files)),
    capacity: await capacityOf(paths.root),
  };
}

/** The ids of which a folder has a state of the firmware, and no disk. */
async function statesWithout<Id extends string>(
  folder: string,
  has: ReadonlyMap<Id, number>,
): Promise<Set<Id>> {
  const ids = (await readdir(folder)).flatMap(
    (name) => /^(.+)\.(?:vars|tpm)$/.exec(name)?.[1] ?? [],
  );
  return new Set((ids as Id[]).filter((id) => !has.has(id)));
}

/** Errors of a process that lacks something for a moment. They say nothing of the layer. */
const passing = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];

const verifyIn = (paths: Paths): Verify => ({
  async digest({ layerId, bytesPerSecond }, { signal }) {
    try {
      const { variables, tpm } = paths.layerState(layerId);
      const digests = [await sha256File(paths.layer(layerId), { bytesPerSecond, signal })];
      for (const state of [variables, tpm])
        if (await exists(state)) digests.push(await sha256File(state, { signal }));
      const [only, ...more] = digests;
      return `sha256:${more.length === 0 ? only : hash('sha256', digests.join(' '))}`;
    } catch (error) {
      signal.throwIfAborted();
      const { code = '' } = error as NodeJS.ErrnoException;
      const detail = String(error);
      if (passing.includes(code))
        throw failedForNow('A layer cannot be read at the moment.', { detail });
      throw failedForGood('A layer cannot be read.', { detail });
    }
  },
});

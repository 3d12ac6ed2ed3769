// The names of the QEMU engine's files and folders. Every name is made from ids that the control
// plane chose, never from a caller's text.
//
// - layers/ID.qcow2 (and .vmlinuz, .initrd): immutable, mode 0444.
// - disks/ID.qcow2: one for each machine, writable by its guest's user while the machine is on.
// - layers/ID.vars, layers/ID.tpm, disks/ID.vars, disks/ID.tpm/: the state of the firmware of a
// layer
//   or a disk (firmware-state.ts).
// - files/SHA256: the files of recipes.
// - builds/…: unfinished work; nothing here outlives the process that makes it.
// - machines/ID/: the server's files of a machine that is on: its seed, and whether it is ready.
// - templates/ID.memory, ID.state, ID.record: the files of a template; only the server reads them.
// - run/KIND-ID/: the sockets of a guest, and the only folder that belongs to the guest. The server
//   makes and removes it while the guest is off, and connects to sockets in it and to nothing else.
//
// An overlay names its layer by a relative path (../layers/ID.qcow2), so that it can become a layer
// by a rename, and the data directory can be moved as a whole. QEMU and its tools are given
// relative names only, because in their cage the engine's folder has another path (confine.ts).

import { join, relative } from 'node:path';
import type { DiskId, LayerId, MachineId, TemplateId } from '../../domain/ids.ts';
import type { ChainBoot } from '../port/layers.ts';

export type GuestKind = 'machine' | 'build';

/** The places of a firmware's state, which need not exist. */
export interface StatePlaces {
  /** The variables of UEFI, as the firmware writes them. */
  variables: string;
  /** The state of the TPM: the folder of its process, or in a layer the file from it. */
  tpm: string;
}
export type Paths = ReturnType<typeof pathsIn>;

const plain = (id: string | number): string => {
  if (!/^[a-z0-9-]{1,64}$/.test(String(id))) throw new TypeError(`not an id: ${id}`);
  return String(id);
};

export const pathsIn = (root: string) => ({
  ...filesIn(root),
  /** The files that a guest reads below its disk: its layers, and its kernel and initrd. */
  chain: ({ boot, baseLayerId, chain }: ChainBoot): string[] => {
    const { layer, kernel, initrd } = filesIn(root);
    return [
      ...chain.map(layer),
      ...(boot.mode === 'direct' ? [kernel(baseLayerId), initrd(baseLayerId)] : []),
    ];
  },
});

export const stateIn = (folder: string, id: string): StatePlaces => ({
  variables: join(folder, `${plain(id)}.vars`),
  tpm: join(folder, `${plain(id)}.tpm`),
});

const filesIn = (root: string) => ({
  root,
  folders: ['layers', 'disks', 'files', 'builds', 'machines', 'run', 'templates'].map((name) =>
    join(root, name),
  ),
  layers: join(root, 'layers'),
  disks: join(root, 'disks'),
  files: join(root, 'files'),
  builds: join(root, 'builds'),
  machines: join(root, 'machines'),
  runs: join(root, 'run'),
  layer: (id: LayerId) => join(root, 'layers', `${plain(id)}.qcow2`),
  kernel: (id: LayerId) => join(root, 'layers', `${plain(id)}.vmlinuz`),
  initrd: (id: LayerId) => join(root, 'layers', `${plain(id)}.initrd`),
  disk: (id: DiskId) => join(root, 'disks', `${plain(id)}.qcow2`),
  layerState: (id: LayerId) => stateIn(join(root, 'layers'), id),
  diskState: (id: DiskId) => stateIn(join(root, 'disks'), id),
  buildState: (id: LayerId | TemplateId) => stateIn(join(root, 'builds'), id),
  file: (sha256: string) => join(root, 'files', plain(sha256)),
  build: (id: LayerId | TemplateId) => join(root, 'builds', plain(id)),
  templates: join(root, 'templates'),
  /** The files of a template; its record is written last. */
  template: (id: TemplateId, part: 'memory' | 'state' | 'record') =>
    join(root, 'templates', `${plain(id)}.${part}`),
  machine: (id: MachineId) => join(root, 'machines', plain(id)),
  run: (kind: GuestKind, id: MachineId | string) => join(root, 'run', `${kind}-${plain(id)}`),
  /** A path as a guest's process names it, which runs in a folder two below the root (`run`). */
  fromGuest: (path: string) => join('..', '..', relative(root, path)),
  /**
   * The name of a layer to write into an overlay that lies one folder below the root.
   */
  backing: (id: LayerId) => `../layers/${plain(id)}.qcow2`,
});

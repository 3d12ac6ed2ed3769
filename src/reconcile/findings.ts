// The doctor's findings: each function compares the store's rows with the engine's inventory. All
// functions here are pure.

import { nothingHeld } from '../domain/account.ts';
import type { Disk } from '../domain/disk.ts';
import { type Capacity, isFull } from '../domain/host.ts';
import type { Job } from '../domain/job.ts';
import { copyAt, faultOf, isQuarantined, type Layer } from '../domain/layer.ts';
import { localPlace } from '../domain/layer-copy.ts';
import type { Machine } from '../domain/machine.ts';
import type { Software } from '../domain/software.ts';
import type { Inventory } from '../engine/port/engine.ts';
import type { HeldOfKind } from '../store/port/account.ts';

export interface Finding {
  /** `error`: something cannot be used or may be lost. `warning`: no harm has been done yet. */
  severity: 'error' | 'warning';
  /** The thing with the fault, such as `disk ID`. */
  subject: string;
  found: string;
  cure: string;
}

const stuckMs = 10 * 60_000;

export function softwareFindings(software: readonly Software[], has: Inventory): Finding[] {
  return software.flatMap(({ id, name, recipe }) =>
    recipe.files
      .filter(({ sha256 }) => !has.files.has(sha256))
      .map((file) => ({
        severity: 'error',
        subject: `software ${id} (${name})`,
        found: `its file ${file.name} is missing on the disk of the host`,
        cure: `give it the file again: silversmith software update ${id}`,
      })),
  );
}

/** Layers that are marked for removal though something stands on them. */
export function deletingFindings(layers: readonly Layer[]): Finding[] {
  return layers.map(({ id }) => ({
    severity: 'error',
    subject: `layer ${id}`,
    found: 'is marked for removal, and something stands on it',
    cure: 'start the server: it takes the layer up again, or says of its images why they failed',
  }));
}

export function layerFindings(
  layers: readonly Layer[],
  has: Inventory,
  begun: ReadonlySet<string>,
): Finding[] {
  const states = new Map(layers.map((layer) => [layer.id, layer.state]));
  return layers.flatMap((layer): Finding[] => {
    const { id, state, jobId, parentId } = layer;
    const subject = `layer ${id}`;
    const cure =
      'heal it from an export: silversmith image import FILE --heal IMAGE; or restore a backup';
    if (isQuarantined(layer))
      return [
        {
          severity: 'error',
          subject,
          found: faultOf(layer) ?? 'is quarantined',
          cure: `bring its bytes back as they were and type: silversmith layer verify ${id}; or ${cure}`,
        },
      ];
    if (state === 'sealed' && jobId === null && !begun.has(id) && !has.layers.has(id))
      return [{ severity: 'error', subject, found: 'is missing on the disk of the host', cure }];
    if (state !== 'deleting' && parentId !== null && !states.has(parentId))
      return [
        { severity: 'error', subject, found: `stands on layer ${parentId}, which is gone`, cure },
      ];
    return [];
  });
}

export function diskFindings(disks: readonly Disk[], has: Inventory): Finding[] {
  return disks
    .filter(({ id, state }) => (state === 'active' || state === 'kept') && !has.disks.has(id))
    .map(({ id, state, machineId }) => ({
      severity: 'error',
      subject: `disk ${id} of machine ${machineId}`,
      found: 'is missing on the disk of the host',
      cure:
        state === 'kept'
          ? 'it cannot be put back; nothing else is hurt'
          : `give the machine a new one: silversmith machine reset ${machineId}; or put an older one back: silversmith machine restore ${machineId}`,
    }));
}

export function orphanFindings(
  layers: readonly Layer[],
  disks: ReadonlySet<string>,
  has: Inventory,
  begun: ReadonlySet<string>,
): Finding[] {
  const known = new Set<string>([...layers.map(({ id }) => id), ...disks, ...begun]);
  const orphans = (kind: string, ids: Iterable<string>) =>
    [...ids]
      .filter((id) => !known.has(id))
      .map(
        (id): Finding => ({
          severity: 'warning',
          subject: `${kind} ${id}`,
          found: 'is on the disk of the host, and the store does not know it',
          cure: 'nothing: the server removes it after a day; restore the store that knows it before then if it is wanted',
        }),
      );
  const { layers: layersLeft = [], disks: disksLeft = [] } = has.remains ?? {};
  return [
    ...orphans('layer', [...has.layers.keys(), ...layersLeft]),
    ...orphans('disk', [...has.disks.keys(), ...disksLeft]),
  ];
}

export function machineFindings(idle: readonly Machine[], running: ReadonlySet<number>): Finding[] {
  const moving = (machine: Machine) => machine.status !== 'off' && machine.status !== 'ready';
  const cure = 'start the server: it looks at its machines every five seconds';
  return idle.flatMap((machine): Finding[] => {
    const subject = `machine ${machine.id}`;
    if (machine.status === 'ready' && machine.awayAt !== null)
      return [
        {
          severity: 'warning',
          subject,
          found: `is on the host ${machine.place ?? 'of its disk'}, which does not answer`,
          cure: 'bring the host back, and the machine is shown as it is then; look at: incus cluster list',
        },
      ];
    if (machine.status === 'ready' && !running.has(machine.id))
      return [{ severity: 'warning', subject, found: 'is said to be ready, and is off', cure }];
    if (machine.status === 'off' && running.has(machine.id))
      return [{ severity: 'error', subject, found: 'is said to be off, and is on', cure }];
    if (moving(machine) || machine.capturingImageId !== null)
      return [
        {
          severity: 'error',
          subject,
          found: `is ${machine.status}, and nothing works on it`,
          cure: 'start the server: it sets the machine to off; this is a defect of Silversmith: please report it, with the log',
        },
      ];
    return [];
  });
}

/** Machines that run though the store has no row of them, so that their memory is in no account. */
export function strayFindings(known: ReadonlySet<number>, running: ReadonlySet<number>): Finding[] {
  return [...running]
    .filter((id) => !known.has(id))
    .map((id) => ({
      severity: 'warning',
      subject: `machine ${id}`,
      found: 'is on, and the store does not know it; its memory is in no account',
      cure: 'start the server: it stops such a machine within some seconds',
    }));
}

export function jobFindings(jobs: readonly Job[], now: number): Finding[] {
  // A running job's owner renews the lease, and with it the time of the last change.
  const waitsSince = (one: Job) => (one.state === 'running' ? one.updatedAt : one.notBefore);
  return jobs
    .filter((one) => waitsSince(one) < now - stuckMs)
    .map(({ id, kind, state, phase, reason }) => ({
      severity: 'warning',
      subject: `job ${id} (${kind})`,
      found: `is ${state} and waits since more than ${stuckMs / 60_000} minutes: ${reason ?? phase}`,
      cure: 'start the server when it is stopped; else look at its log for this job',
    }));
}

/** What the host has of machines that are off, and what it lacks for the others. */
export function networkFindings(remains: readonly string[], lacks: string | null): Finding[] {
  const left = remains.map((found) => ({
    severity: 'warning' as const,
    subject: 'the network of machines',
    found: `has ${found}`,
    cure: 'start the server, or start that machine: both remove it',
  }));
  if (lacks === null) return left;
  const cure = 'do so, or choose another network: docs/guide/network.md';
  return [
    ...left,
    {
      severity: 'warning',
      subject: 'the network of machines',
      found: `has no uplink: ${lacks}`,
      cure,
    },
  ];
}

export function waitingFindings(waiting: string | null): Finding[] {
  if (waiting === null) return [];
  return [
    {
      severity: 'warning',
      subject: 'the removal of what was kept for a time',
      found: `waits, because ${waiting}`,
      cure: "look at the host's clock; if it is right there is nothing to do: removal begins after an hour, and that of many things after a day",
    },
  ];
}

export function roomFindings(capacity: Capacity): Finding[] {
  if (!isFull(capacity)) return [];
  return [
    {
      severity: 'error',
      subject: 'the disk of the host',
      found: `has ${capacity.freeBytes} of ${capacity.totalBytes} bytes left, and nothing new is made`,
      cure: 'free some: silversmith storage says what takes what; cache prune, and deleting images, free it',
    },
  ];
}

const isSame = (one: HeldOfKind, other: HeldOfKind) =>
  one.things === other.things &&
  one.bytes === other.bytes &&
  one.reservedBytes === other.reservedBytes &&
  one.memoryMb === other.memoryMb &&
  one.cpus === other.cpus;

const shown = ({ things, bytes, reservedBytes, memoryMb, cpus }: HeldOfKind) =>
  `${things} things with ${bytes} bytes, ${reservedBytes} bytes reserved, ${memoryMb} MB of memory and ${cpus} processors`;

/** Kinds whose kept sums are not those of the rows. */
export function accountFindings(
  kept: readonly HeldOfKind[],
  rows: readonly HeldOfKind[],
): Finding[] {
  const kinds = new Set([...kept, ...rows].map(({ kind }) => kind));
  const of = (list: readonly HeldOfKind[], kind: string) =>
    list.find((one) => one.kind === kind) ?? { ...nothingHeld, kind };
  return [...kinds]
    .filter((kind) => !isSame(of(kept, kind), of(rows, kind)))
    .map((kind) => ({
      severity: 'error',
      subject: `the account of ${kind}`,
      found: `has ${shown(of(kept, kind))}; the rows have ${shown(of(rows, kind))}`,
      cure: 'start the server: it counts the account anew; this is a defect of Silversmith: please report it',
    }));
}

/** So much may a file system round or keep otherwise than that on which the layers were made. */
const roundPart = 0.1;
const roundBytes = 1024 ** 3;

/** Tells when layers take more or less of the disk than the account has for them. */
export function layerSizeFindings(layers: readonly Layer[], has: Inventory): Finding[] {
  let [onDisk, known] = [0, 0];
  for (const layer of layers) {
    const bytes = has.layers.get(layer.id);
    if (bytes === undefined) continue;
    onDisk += bytes;
    known += copyAt(layer, localPlace)?.storedBytes ?? bytes;
  }
  if (Math.abs(onDisk - known) <= Math.max(roundBytes, known * roundPart)) return [];
  return [
    {
      severity: 'warning',
      subject: 'the account of layers',
      found: `has ${known} bytes, and they take ${onDisk} bytes of the disk of the host`,
      cure: 'nothing, when they were copied to another file system; the room for new work is measured',
    },
  ];
}

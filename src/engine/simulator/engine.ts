// A model of an engine: layers, disks and machines as records, kept in one file so that they
// outlive the server. For development without a hypervisor, for proofs, and for fleets of
// thousands. It proves nothing about disks.
//
// Time: work that takes a real engine seconds takes a known time divided by `speed`, on the given
// clock. Faults come on demand, by sentinel names: a machine or software whose name holds
// `sim-fail-start`, `sim-never-ready`, `sim-fail-build`, `sim-exit-7` or `sim-disk-full` does what
// its name says. A machine whose name holds `sim-address` has an address, and the ports of the host
// that would lead to one whose name holds `sim-port-taken` are taken. A base whose disk holds
// `sim-never-ready` boots no guest that reports.
//
// It runs no guests and its host is never full, so it has no commands or pauses. Its machines have
// a console that answers what is typed, and a screen with one picture.

import type { Capacity } from '../../domain/host.ts';
import type { DiskId, LayerId, MachineId, TemplateId } from '../../domain/ids.ts';
import { portionsOf } from '../../lib/portions.ts';
import { fenced } from '../fence.ts';
import type { Parts } from '../optional/parts.ts';
import type { Vital } from '../optional/vitals.ts';
import type { Engine } from '../port/engine.ts';
import { backupIn } from './backup.ts';
import { bootCheckIn } from './boot-check.ts';
import { consoleIn } from './console.ts';
import { instantIn } from './instant.ts';
import { compactIn, disksIn, layersIn, packagesIn, transferIn, verifyIn } from './layers.ts';
import { buildsIn, machinesIn, trialIn, vitalsIn } from './machines.ts';
import { networkIn } from './network.ts';
import { OpenStreams } from './open-streams.ts';
import type { Pace } from './pace.ts';
import { screenIn } from './screen.ts';
import { chainContent, openStateFile, type State, type StateFile, storedBytes } from './state.ts';

interface SimulatorOptions extends Pace {
  /** The folder in which its state is kept. */
  root: string;
  /** The boards that it has, the newest first. */
  boards?: readonly string[];
}

type SimulatorParts = Pick<
  Parts,
  | 'backup'
  | 'bootCheck'
  | 'compact'
  | 'console'
  | 'hostBound'
  | 'network'
  | 'instant'
  | 'packages'
  | 'screen'
  | 'transfer'
  | 'trial'
  | 'verify'
  | 'vitals'
>;

/** The simulator's own verbs, for tests that look at or write to a simulated disk. */
interface Interference {
  writeToDisk(diskId: DiskId, text: string): Promise<void>;
  contentOf(diskId: DiskId): string[];
  /** Changes a sealed layer's bytes, as a failing disk would. */
  rot(layerId: LayerId): Promise<void>;
  /** Takes a layer away, as an operator's mistake would. */
  lose(layerId: LayerId): Promise<void>;
  /** Gives a layer the bytes again that it had before it rotted or was lost. */
  mend(layerId: LayerId): Promise<void>;
  setCapacity(capacity: Capacity): void;
  /** As an upgrade of what runs the machines would. */
  setFingerprint(fingerprint: string): void;
  /** Changes a file of a template; without a text the whole template is lost. */
  harmTemplate(id: TemplateId, part: 'state' | 'memory', text: string | null): Promise<void>;
  /** Ends a machine as if its guest had powered it off. */
  powerOff(machineId: MachineId): Promise<void>;
  /** Ends the process of a machine, as the host does when its memory is full. */
  kill(machineId: MachineId): Promise<void>;
  /** Says how the guest of a machine is from now on, until it is started again. */
  setVital(machineId: MachineId, vital: Partial<Vital>): Promise<void>;
}

/** Its host has room for fleets of thousands. */
const fleetSize = { memoryMb: 10 ** 9, cpus: 10 ** 6 };

export type Simulator = Engine & SimulatorParts & Interference;

/** So many records are listed between two turns of the event loop. */
const listedMax = 5000;

export async function openSimulator({
  root,
  boards,
  ...pace
}: SimulatorOptions): Promise<Simulator> {
  const file = await openStateFile(root);
  const versions = { fingerprint: 'simulator 1' };
  let capacity: Capacity = { totalBytes: 10 ** 13, freeBytes: 10 ** 13 };
  const streams = new OpenStreams();
  const machines = machinesIn(file, pace);
  const parts: SimulatorParts = {
    backup: backupIn(file),
    bootCheck: bootCheckIn(boards),
    compact: compactIn(file),
    console: consoleIn(file, streams),
    // A record is written whole or not at all, so there are no unfinished records.
    hostBound: { tidy: async () => {}, size: fleetSize },
    instant: instantIn(file, pace, versions),
    network: networkIn(file),
    packages: packagesIn(file),
    screen: screenIn(file, streams),
    transfer: transferIn(file),
    trial: trialIn(file, pace),
    verify: verifyIn(file, pace.clock),
    vitals: vitalsIn(file),
  };
  const engine: Engine & SimulatorParts = {
    name: 'simulator',
    ...layersIn(file),
    ...disksIn(file),
    ...buildsIn(file, pace),
    ...machines,
    async stopMachine(spec, call) {
      await machines.stopMachine(spec, call);
      streams.end(spec.machineId);
    },
    ...parts,
    check: async () => capacity,
    async inventory() {
      const { layers, disks, files } = await file.current();
      const sizes = async <Id extends string>(records: Record<string, { content: string[] }>) => {
        const found = new Map<Id, number>();
        for await (const ids of portionsOf(Object.keys(records), listedMax))
          for (const id of ids) {
            const record = records[id];
            if (record) found.set(id as Id, storedBytes(record.content));
          }
        return found;
      };
      return {
        layers: await sizes<LayerId>(layers),
        disks: await sizes<DiskId>(disks),
        files: new Set(Object.keys(files)),
        capacity,
      };
    },
    close: () => file.settled(),
  };
  return {
    ...fenced(engine),
    ...interferenceIn(file, streams),
    setCapacity(next) {
      capacity = next;
    },
    setFingerprint(next) {
      versions.fingerprint = next;
    },
  };
}

function interferenceIn(
  file: StateFile,
  streams: OpenStreams,
): Omit<Interference, 'setCapacity' | 'setFingerprint'> {
  const before = new Map<LayerId, State['layers'][string] | undefined>();
  const setVital = async (machineId: MachineId, vital: Partial<Vital>) => {
    const machine = (await file.current()).machines[machineId];
    if (machine) machine.vital = { ...machine.vital, ...vital };
    await file.save();
  };
  return {
    async writeToDisk(diskId, text) {
      (await file.current()).disks[diskId]?.content.push(text);
      await file.save();
    },
    contentOf(diskId) {
      const disk = file.known.disks[diskId];
      return disk ? [...chainContent(file.known, disk.layer), ...disk.content] : [];
    },
    async rot(layerId) {
      const { layers } = await file.current();
      before.set(layerId, structuredClone(layers[layerId]));
      layers[layerId]?.content.push('four bytes that are not what they were');
      await file.save();
    },
    async lose(layerId) {
      const { layers } = await file.current();
      before.set(layerId, layers[layerId]);
      delete layers[layerId];
      await file.save();
    },
    async mend(layerId) {
      const { layers } = await file.current();
      const layer = before.get(layerId);
      if (layer) layers[layerId] = layer;
      await file.save();
    },
    async harmTemplate(id, part, text) {
      const { templates } = await file.current();
      const template = templates[id];
      if (text === null) delete templates[id];
      else if (template) template[part] = text;
      await file.save();
    },
    powerOff: (machineId) => setVital(machineId, { pulse: 'off' }),
    async kill(machineId) {
      delete (await file.current()).machines[machineId];
      await file.save();
      streams.end(machineId);
    },
    setVital,
  };
}

// A small model of the contract's states: the required answer of each operation, and the state
// after it. The model shares no code with Silversmith.

import type { MachineStatus } from '../../src/domain/machine.ts';

interface ModelDisk {
  image: number | null;
  replaces: ModelDisk | null;
}

export interface ModelMachine {
  id: number;
  status: MachineStatus;
  disk: ModelDisk | null;
  /** Its kept disks, in the order in which they were replaced. */
  kept: ModelDisk[];
  /** The assigned image. A deleted image counts as none, until it is restored. */
  assigned: number | null;
  pending: boolean;
  prior: number | null;
  priorPending: boolean;
  capturing: number | null;
  stopRequested: boolean;
  diskGb: number;
  deleted: boolean;
  /** Whether the engine cannot start it. */
  startFails: boolean;
}

export interface ModelImage {
  id: number;
  status: 'pending' | 'available' | 'failed';
  sizeGb: number;
  fails: boolean;
  cancelled: boolean;
  deleted: boolean;
}

const starting = (machine: ModelMachine) =>
  machine.capturing === null && ['creating', 'turning_on', 'installing'].includes(machine.status);

export class Model {
  readonly machines: ModelMachine[];
  readonly images: ModelImage[] = [];

  constructor(machines: ModelMachine[]) {
    this.machines = machines;
  }

  start(machine: ModelMachine): number {
    if (machine.deleted) return 404;
    if (machine.capturing !== null) return 4201;
    if (machine.status === 'ready' || (starting(machine) && !machine.stopRequested)) return 200;
    if (machine.status !== 'off') return 4201;
    if (machine.disk !== null && !this.isPending(machine)) machine.status = 'turning_on';
    else {
      const image = this.images.find((one) => one.id === this.live(machine.assigned));
      if (image && image.status !== 'available') return 4201;
      machine.status = this.isPending(machine) ? 'installing' : 'creating';
    }
    this.goWithout(machine);
    return 200;
  }

  isPending(machine: ModelMachine): boolean {
    return machine.pending && this.live(machine.assigned) !== null;
  }

  /** A machine that starts without the deleted image that it waited for does not get it back. */
  goWithout(machine: ModelMachine): void {
    if (machine.pending && !this.isPending(machine))
      Object.assign(machine, { assigned: null, pending: false });
  }

  deleteMachine(machine: ModelMachine): number {
    if (machine.deleted) return 404;
    if (machine.status !== 'off') return 4209;
    Object.assign(machine, { deleted: true, status: 'turning_off' });
    return 200;
  }

  undeleteMachine(machine: ModelMachine): number {
    if (!machine.deleted) return 404;
    machine.deleted = false;
    return 200;
  }

  stop(machine: ModelMachine): number {
    if (machine.deleted) return 404;
    if (machine.capturing !== null) return 4201;
    if (['off', 'turning_off'].includes(machine.status)) return 200;
    if (machine.status !== 'ready') return 4201;
    machine.status = 'turning_off';
    return 200;
  }

  reset(machine: ModelMachine): number {
    if (machine.deleted) return 404;
    if (machine.capturing !== null) return 4201;
    if (machine.status !== 'off') return 400;
    if (machine.disk !== null) {
      machine.assigned = this.live(machine.assigned);
      machine.pending = machine.assigned !== null;
    }
    this.setAside(machine);
    return 200;
  }

  capture(machine: ModelMachine): number {
    if (machine.deleted) return 404;
    if (machine.disk === null) return 4208;
    if (machine.capturing !== null) return 4212;
    return machine.status === 'off' ? 200 : 4209;
  }

  assign(image: ModelImage, machines: ModelMachine[]): number {
    if (image.deleted) return 404;
    if (machines.some((machine) => machine.deleted)) return 4211;
    if (image.status !== 'available') return 4210;
    if (machines.some((machine) => machine.capturing !== null)) return 4214;
    if (machines.some((machine) => machine.diskGb < image.sizeGb)) return 4510;
    for (const machine of machines) {
      Object.assign(machine, { prior: machine.assigned, priorPending: machine.pending });
      machine.assigned = image.id;
      machine.pending = true;
      if (machine.status === 'ready') machine.status = 'turning_off';
      else if (starting(machine)) machine.stopRequested = true;
    }
    return 200;
  }

  delete(image: ModelImage): number {
    if (image.deleted) return 404;
    image.deleted = true;
    this.endCapture(image);
    return 200;
  }

  cancel(image: ModelImage): number {
    if (image.deleted) return 404;
    if (image.cancelled) return 200;
    if (image.status !== 'pending') return 4201;
    Object.assign(image, { status: 'failed', cancelled: true });
    this.endCapture(image);
    return 200;
  }

  endCapture(image: ModelImage): void {
    for (const machine of this.machines) {
      if (machine.capturing === image.id)
        Object.assign(machine, { capturing: null, status: 'off' });
    }
  }

  setAside(machine: ModelMachine): void {
    if (machine.disk !== null) machine.kept.push(machine.disk);
    machine.disk = null;
  }

  putBack(machine: ModelMachine, disk: ModelDisk | null): void {
    this.setAside(machine);
    machine.kept = machine.kept.filter((one) => one !== disk);
    machine.disk = disk;
  }

  live(id: number | null): number | null {
    return this.images.some((image) => image.id === id && !image.deleted) ? id : null;
  }

  restoreDisk(machine: ModelMachine): number {
    const disk = machine.kept.at(-1);
    if (!disk || machine.deleted) return 404;
    if (machine.status !== 'off') return 4201;
    this.putBack(machine, disk);
    Object.assign(machine, { assigned: disk.image, pending: false });
    return 200;
  }

  undo(image: ModelImage): number {
    if (image.deleted) return 404;
    const machines = this.machines.filter(
      (machine) => machine.assigned === image.id && !machine.deleted,
    );
    const taken = (machine: ModelMachine) => !machine.pending && machine.disk?.image === image.id;
    for (const machine of machines) {
      if (machine.capturing !== null || starting(machine)) return 4201;
      if (taken(machine) && machine.status !== 'off') return 4201;
      const before = machine.disk?.replaces ?? null;
      if (taken(machine) && before !== null && !machine.kept.includes(before)) return 409;
    }
    for (const machine of machines) {
      if (taken(machine)) this.putBack(machine, machine.disk?.replaces ?? null);
      Object.assign(machine, {
        assigned: machine.prior,
        pending: machine.priorPending,
        prior: null,
        priorPending: false,
      });
    }
    return 200;
  }

  restoreImage(image: ModelImage): number {
    if (!image.deleted || image.status !== 'available') return 404;
    image.deleted = false;
    return 200;
  }

  settle(): void {
    for (const image of this.images)
      if (image.status === 'pending' && !image.deleted)
        image.status = image.fails ? 'failed' : 'available';
    for (const machine of this.machines) {
      if (machine.capturing !== null) Object.assign(machine, { capturing: null, status: 'off' });
      else if (machine.status === 'turning_off') machine.status = 'off';
      else if (starting(machine)) {
        if (!machine.stopRequested && machine.startFails) this.goWithout(machine);
        if (machine.stopRequested || machine.startFails) machine.status = 'off';
        else {
          this.goWithout(machine);
          if (machine.disk === null || machine.pending) {
            const disk = { image: machine.assigned, replaces: machine.disk };
            this.setAside(machine);
            machine.disk = disk;
          }
          Object.assign(machine, { status: 'ready', pending: false });
        }
        machine.stopRequested = false;
      }
    }
  }
}

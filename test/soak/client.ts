// One client of the soak: a random mix of calls on some machines and on the images that it has
// made.

import type { Caller } from './caller.ts';
import type { Random } from './random.ts';

/** What the clients work with: ids of machines and of software. */
export interface Stage {
  machines: readonly number[];
  software: readonly number[];
}

/** What the demo has. */
export const demoStage: Stage = { machines: [1, 2, 3, 4, 5, 6], software: [1, 2, 3, 4] };

interface State {
  number: number;
  call: Caller['call'];
  random: Random;
  machine: () => number;
  software: readonly number[];
  /** Ids of its images, including the deleted images. */
  images: number[];
  deleted: number[];
  /** Makes a name that no other image has. */
  newName: (letter: string) => string;
}

/** Each kind of call, and which part of all calls it is. The parts add up to 1. */
const mix: [part: number, make: (state: State) => Promise<unknown>][] = [
  [0.12, install],
  [0.12, capture],
  [0.1, ({ call, machine }) => call('machineStart', { id: machine() })],
  [0.12, ({ call, machine }) => call('machineStop', { id: machine() })],
  [0.03, ({ call, machine }) => call('machineReset', { id: machine() })],
  [0.03, ({ call, machine }) => call('machineRestore', { id: machine() })],
  [0.04, restore],
  [0.2, ({ call, machine }) => call('machineGet', { id: machine() })],
  [0.04, ({ call }) => call('imageList', { per_page: 100 })],
  [0.06, assign],
  [0.04, remove],
  [0.1, get],
];

/** Calls until `isOver`. */
export async function runClient(
  number: number,
  call: Caller['call'],
  random: Random,
  isOver: () => boolean,
  { machines, software }: Stage = demoStage,
): Promise<void> {
  let made = 0;
  const state: State = {
    ...{ number, call, random, software, images: [], deleted: [] },
    machine: () => random.one(machines) ?? 0,
    newName: (letter) => `${letter}${number}-${made++}`,
  };
  while (!isOver()) {
    let dice = random.next();
    const chosen = mix.find(([part]) => {
      dice -= part;
      return dice < 0;
    });
    await chosen?.[1](state);
  }
}

async function install({ call, random, software, images, newName }: State) {
  const software_ids = software.filter(() => random.next() < 0.4);
  if (software_ids.length === 0) software_ids.push(...software.slice(0, 1));
  const { code, answer } = await call('imageInstall', { software_ids, name: newName('s') });
  if (code === 200) images.push(Number(answer.attributes.id));
}

async function capture({ call, images, machine, newName }: State) {
  const input = { machine_id: machine(), name: newName('c') };
  const { code, answer } = await call('imageCapture', input);
  if (code === 200) images.push(Number(answer.attributes.id));
}

async function restore({ call, random, deleted }: State) {
  const id = random.one(deleted);
  if (id !== undefined) await call('imageRestore', { id });
}

async function assign({ call, random, images, machine }: State) {
  const id = random.one(images);
  if (id === undefined) return;
  await call('imageAssign', { id, machine_ids: [...new Set([machine(), machine()])] });
}

async function remove({ call, random, images, deleted }: State) {
  const id = random.one(images);
  if (id === undefined) return;
  const { code } = await call('imageDelete', { id });
  if (code === 200) deleted.push(id);
}

async function get({ call, random, images }: State) {
  const id = random.one(images);
  if (id !== undefined) await call('imageGet', { id });
}

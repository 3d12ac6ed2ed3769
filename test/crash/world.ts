// The verbs in which scenarios are written: they bring machines, images and disks into a state over
// the API, or check which state they are in.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Disk } from '../../src/domain/disk.ts';
import { endReasons } from '../../src/domain/machine-life.ts';
import { waitFor } from '../support.ts';
import { hasMark, type Marked } from './mark.ts';
import type { World } from './scenario.ts';

/** Three builds at once on a slow host take minutes. */
const limitMs = 300_000;
const everyMs = 20;

/** Waits until image `id` has a final status, and returns its attributes. */
const imageAtRest = async ({ client }: World, id: number) =>
  waitFor(
    `image ${id} is at rest`,
    async () => {
      const { attributes } = await client.imageGet({ id });
      return ['available', 'failed'].includes(attributes.status) && attributes;
    },
    limitMs,
    everyMs,
  );

/** Waits until the machine has the status. */
export const machineIs = async ({ client, machine }: World, status: 'ready' | 'off') =>
  waitFor(
    `the machine is ${status}`,
    async () => (await client.machineGet({ id: machine })).attributes.friendly_status === status,
    limitMs,
    everyMs,
  );

/**
 * Waits until the machine is ready. One that was ready when the power was cut says so and is off,
 * and is started again, as its user would do; resolves to whether it was.
 */
export const startedAgain = async (world: World): Promise<boolean> => {
  const { client, machine } = world;
  const status = await waitFor(
    'the machine is ready, or off because the power was cut',
    async () => {
      const { friendly_status: now, status_reason: why } = (
        await client.machineGet({ id: machine })
      ).attributes;
      if (now === 'off') return why?.startsWith(endReasons.killed) && now;
      return now === 'ready' && now;
    },
    limitMs,
    everyMs,
  );
  if (status === 'off') await started(world);
  return status === 'off';
};

export const started = async (world: World) => {
  await world.client.machineStart({ id: world.machine });
  await machineIs(world, 'ready');
};

/** Assigns the first image to the machine, and checks that it starts without booting. */
export const startedFromMemory = async (world: World) => {
  const { client, machine } = world;
  await client.imageAssign({ id: await nthImage(world, 1), machine_ids: [machine] });
  await started(world);
  await isFromMemory(world);
  await stopped(world);
};

/** Checks that the machine was started from memory, or booted for a reason that is expected. */
export const isFromMemory = async ({ client, machine }: World, expected?: RegExp) => {
  const { from, because } = (await client.machineGet({ id: machine })).attributes.started ?? {};
  if (because && expected?.test(because)) return;
  assert.deepEqual([from, because], ['memory', null]);
};

/** Lets the template of the first image be made, and waits until it can be used. */
export const withTemplate = async (world: World) => {
  await world.client.imageTemplatesSet({ id: 1, templates: 'always' });
  await waitFor(
    'the template is ready',
    async () => {
      const [template] = await world.store.read('system', (work) => work.templates.list());
      assert.notEqual(template?.state, 'failed', String(template?.reason));
      return template?.state === 'ready';
    },
    limitMs,
    everyMs,
  );
};

export const stopped = async (world: World) => {
  await world.client.machineStop({ id: world.machine });
  await machineIs(world, 'off');
};

/** Gives the machine a disk with a mark, and leaves the machine off. */
export const withDisk = async (world: World, mark = 5) => {
  await started(world);
  await stopped(world);
  await world.write(mark);
};

/** Builds an image with the first `titles` titles. */
export const built = async (world: World, titles: number): Promise<void> => {
  const { attributes } = await world.client.imageInstall({
    software_ids: world.software.slice(0, titles),
  });
  assert.equal((await imageAtRest(world, attributes.id)).status, 'available');
};

export const captured = async (world: World) => {
  const { attributes } = await world.client.imageCapture({ machine_id: world.machine });
  await imageAtRest(world, attributes.id);
  await machineIs(world, 'off');
};

/**
 * Returns the id of the `nth` image, from 1. PostgreSQL gives no id again, so an id that went to a
 * transaction which was not committed is missing.
 */
async function nthImage({ client }: World, nth: number): Promise<number> {
  const { images } = await client.imageList({});
  const ids = images.map(({ attributes }) => attributes.id).sort((one, other) => one - other);
  return ids[nth - 1] ?? assert.fail(`there is no image number ${nth}`);
}

/** Returns the layer of the `nth` image, and its chain. */
export const layerOf = async (world: World, nth: number) => {
  const id = await nthImage(world, nth);
  return world.store.read('system', async (work) => {
    const { layerId } = await work.images.get(id as never);
    return {
      layer: String(layerId),
      chain: layerId === null ? [] : await work.layers.chain(layerId),
    };
  });
};

/** Checks which marks the machine's disk in `state` has. */
export async function diskHas(
  world: World,
  state: Disk['state'],
  expected: Record<number, boolean>,
): Promise<void> {
  const { store, machine } = world;
  const disks = await store.read('system', (work) => work.disks.ofMachine(machine as never));
  const disk = String(disks.find((one) => one.state === state)?.id);
  assertMarks(world, { disk }, expected);
}

/** Checks that the `nth` image is available, and which marks its layer has. */
export async function imageHas(
  world: World,
  nth: number,
  expected: Record<number, boolean>,
): Promise<void> {
  const image = await imageAtRest(world, await nthImage(world, nth));
  assert.equal(image.status, 'available', image.status_reason ?? '');
  assertMarks(world, { layer: (await layerOf(world, nth)).layer }, expected);
}

const stateMark = 'a state of the firmware';

/** The files of the firmware's state of the machine's disk, and of the first image's layer. */
async function stateFiles(world: World) {
  const { dataDir, store, machine } = world;
  const [disk] = await store.read('system', (work) => work.disks.ofMachine(machine as never));
  const inFolder = (name: string, ...more: string[]) => join(dataDir, 'engine', name, ...more);
  const ofDisk = (kind: string, ...more: string[]) =>
    inFolder('disks', `${disk?.id}.${kind}`, ...more);
  return {
    disk: [ofDisk('vars'), ofDisk('tpm', 'tpm2-00.permall')],
    layer: (layer: string) => ['vars', 'tpm'].map((kind) => inFolder('layers', `${layer}.${kind}`)),
  };
}

/** Writes a mark over the end of the state that the firmware of the machine's disk keeps. */
export async function leaveStateMarks(world: World): Promise<void> {
  if (world.engine === 'simulator') return;
  for (const file of (await stateFiles(world)).disk) {
    const bytes = readFileSync(file);
    bytes.write(stateMark, bytes.length - stateMark.length);
    writeFileSync(file, bytes);
  }
}

/** Checks that the machine's disk and the first image both have the marked state. */
export async function statesHaveMarks(world: World): Promise<void> {
  if (world.engine === 'simulator') return;
  const { disk, layer } = await stateFiles(world);
  for (const file of [...disk, ...layer((await layerOf(world, 1)).layer)])
    assert.ok(readFileSync(file).includes(stateMark), `the state in ${file}`);
}

function assertMarks({ dataDir, engine }: World, of: Marked, expected: Record<number, boolean>) {
  for (const [mark, there] of Object.entries(expected))
    assert.equal(
      hasMark(dataDir, engine, of, Number(mark)),
      there,
      `mark ${mark} of ${JSON.stringify(of)}`,
    );
}

// What somebody asks for, and what has to be true afterwards, however often the server died
// meanwhile: on real disks and on the simulator alike. A mark is a number that stands in the
// content of a disk.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../src/client/client.ts';
import type { OperationName } from '../../src/contract/table.ts';
import type { Disk } from '../../src/domain/disk.ts';
import type { JobKind } from '../../src/domain/job.ts';
import type { TaskName } from '../../src/reconcile/loop.ts';
import type { Settings } from '../../src/reconcile/workflow.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { waitFor } from '../support.ts';

export type EngineName = 'qemu' | 'simulator';

const mib = 1024 ** 2;
/** What a recipe or a guest does to leave a mark. */
export const leaveMark = (mark: number) =>
  `dd if=/dev/zero bs=1M count=1 | tr '\\000' '\\${mark.toString(8).padStart(3, '0')}' | dd of=/dev/vda bs=1M seek=${mark} `;

interface Simulated {
  layers: Record<string, { parent: string | null; content: string[] }>;
  disks: Record<string, { layer: string; content: string[] }>;
}

/** Whether a mark is in the content of a layer or of a disk, all below it counted. */
export function hasMark(
  dataDir: string,
  engine: EngineName,
  of: { layer: string } | { disk: string },
  mark: number,
) {
  const [folder, id] = 'layer' in of ? ['layers', of.layer] : ['disks', of.disk];
  if (engine === 'simulator') {
    const { layers, disks } = JSON.parse(
      readFileSync(join(dataDir, 'engine', 'simulator.json'), 'utf8'),
    ) as Simulated;
    const chain = (layer: string | null | undefined): string[] => {
      const found = layer == null ? undefined : layers[layer];
      return found ? [...chain(found.parent), ...found.content] : [];
    };
    const all =
      'layer' in of
        ? chain(id)
        : [...chain(disks[id as string]?.layer), ...(disks[id as string]?.content ?? [])];
    return all.some((text) => text.includes(`seek=${mark} `));
  }
  const path = join(dataDir, 'engine', folder as string, `${id}.qcow2`);
  const look = ['-U', '-r', '-f', 'qcow2', '-c', `read -P ${mark} ${mark}M 1M`, path];
  try {
    return !/failed|error/i.test(execFileSync('qemu-io', look, { stdio: 'pipe' }).toString());
  } catch {
    return false;
  }
}

export interface World {
  dataDir: string;
  engine: EngineName;
  client: Client;
  store: Store;
  software: number[];
  machine: number;
  /** Writes a mark to the disk of the machine, which is off. */
  write(mark: number): Promise<void>;
}

export interface RequestContext {
  name: OperationName;
  // biome-ignore lint/suspicious/noExplicitAny: the input of any operation
  input: any;
  content?: Uint8Array;
}

export interface Scenario {
  /** What the reconciler does in it. */
  does: (JobKind | 'collect')[];
  settings?: Partial<Settings>;
  /** Everything before, at rest. The server then stops. */
  prepare(world: World): Promise<void>;
  /** Everything before that needs the server that will die. */
  warm?(world: World): Promise<void>;
  /**
   * What is asked for; each may depend on the answers before. None: the server's own work, from its
   * start.
   */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  asks: ((world: World, answers: readonly any[]) => RequestContext)[];
  /** What the server does by itself, in this order, sooner than it would. */
  tasks?: TaskName[];
  /**
   * SQL whose first column is 1 when the server has come to its end; by default: when no job is
   * open.
   */
  done?: string;
  holds(world: World): Promise<void>;
}

const imageIs = async ({ client }: World, id: number, limitMs = 120_000) =>
  waitFor(
    `image ${id} is at rest`,
    async () => {
      const { attributes } = await client.imageGet({ id });
      return ['available', 'failed'].includes(attributes.status) && attributes;
    },
    limitMs,
    20,
  );
const machineIs = async ({ client, machine }: World, status: 'ready' | 'off') =>
  waitFor(
    `the machine is ${status}`,
    async () => (await client.machineGet({ id: machine })).attributes.friendly_status === status,
    120_000,
    20,
  );
const started = async (world: World) => {
  await world.client.machineStart({ id: world.machine });
  await machineIs(world, 'ready');
};
const stopped = async (world: World) => {
  await world.client.machineStop({ id: world.machine });
  await machineIs(world, 'off');
};
/** The machine has a disk with a mark, and is off. */
const withDisk = async (world: World) => {
  await started(world);
  await stopped(world);
  await world.write(5);
};
/** Image `id` has as many of the titles as are asked for. */
const built = async (world: World, titles: number): Promise<number> => {
  const { attributes } = await world.client.imageInstall({
    software_ids: world.software.slice(0, titles),
  });
  assert.equal((await imageIs(world, attributes.id)).status, 'available');
  return attributes.id;
};
const captured = async (world: World) => {
  const { attributes } = await world.client.imageCapture({ machine_id: world.machine });
  await imageIs(world, attributes.id);
  await machineIs(world, 'off');
};
const layerOf = ({ store }: World, id: number) =>
  store.read('system', async (work) => {
    const { layerId } = await work.images.get(id as never);
    return {
      layer: String(layerId),
      chain: layerId === null ? [] : await work.layers.chain(layerId),
    };
  });
const disksOf = ({ store, machine }: World): Promise<Disk[]> =>
  store.read('system', (work) => work.disks.ofMachine(machine as never));
const diskIn = async (world: World, state: Disk['state']) =>
  String((await disksOf(world)).find((disk) => disk.state === state)?.id);
const marks = async (
  world: World,
  of: { layer: string } | { disk: string },
  expected: Record<number, boolean>,
) => {
  for (const [mark, there] of Object.entries(expected))
    assert.equal(
      hasMark(world.dataDir, world.engine, of, Number(mark)),
      there,
      `mark ${mark} of ${JSON.stringify(of)}`,
    );
};
const available = async (world: World, id: number, expected: Record<number, boolean>) => {
  const image = await imageIs(world, id);
  assert.equal(image.status, 'available', image.status_reason ?? '');
  await marks(world, { layer: (await layerOf(world, id)).layer }, expected);
};
/** A file from outside with the mark 1. */
const upload = (engine: EngineName): Buffer => {
  if (engine === 'simulator')
    return Buffer.from(JSON.stringify({ simulated: [leaveMark(1)], virtualBytes: mib }));
  const disk = Buffer.alloc(2 * mib);
  // Something that a firmware would start.
  disk.writeUInt8(0xeb, 0);
  disk.writeUInt16BE(0x55aa, 510);
  return disk.fill(1, mib);
};

export const scenarios: Record<string, Scenario> = {
  capture: {
    does: ['imageCapture'],
    prepare: withDisk,
    asks: [({ machine }) => ({ name: 'imageCapture', input: { machine_id: machine } })],
    async holds(world) {
      await available(world, 1, { 5: true });
      await machineIs(world, 'off');
      await marks(world, { disk: await diskIn(world, 'active') }, { 5: true });
    },
  },
  'install of three titles': {
    does: ['imageInstall'],
    async prepare() {},
    asks: [({ software }) => ({ name: 'imageInstall', input: { software_ids: software } })],
    holds: (world) => available(world, 1, { 11: true, 12: true, 13: true }),
  },
  'assign and start': {
    does: ['machineStart'],
    async prepare(world) {
      await built(world, 1);
      await withDisk(world);
    },
    asks: [
      ({ machine }) => ({ name: 'imageAssign', input: { id: 1, machine_ids: [machine] } }),
      ({ machine }) => ({ name: 'machineStart', input: { id: machine } }),
    ],
    async holds(world) {
      await machineIs(world, 'ready');
      await marks(world, { disk: await diskIn(world, 'active') }, { 11: true, 5: false });
      await marks(world, { disk: await diskIn(world, 'kept') }, { 5: true, 11: false });
    },
  },
  stop: {
    does: ['machineStop'],
    prepare: withDisk,
    warm: started,
    asks: [({ machine }) => ({ name: 'machineStop', input: { id: machine } })],
    async holds(world) {
      await machineIs(world, 'off');
      await marks(world, { disk: await diskIn(world, 'active') }, { 5: true });
    },
  },
  'delete and bring back': {
    does: [],
    prepare: async (world) => void (await built(world, 1)),
    asks: [
      () => ({ name: 'imageDelete', input: { id: 1 } }),
      () => ({ name: 'imageRestore', input: { id: 1 } }),
    ],
    holds: (world) => available(world, 1, { 11: true }),
  },
  'removal of what was deleted and replaced': {
    does: ['collect'],
    settings: {
      keepImageMs: 0,
      keepDiskMs: 0,
      lookAgainMs: 0,
      collectDelayMs: 0,
      cacheBytesMax: 0,
    },
    async prepare(world) {
      await built(world, 2);
      await withDisk(world);
      await captured(world);
      for (const id of [1, 2]) await world.client.imageDelete({ id });
      await world.client.machineReset({ id: world.machine });
    },
    asks: [],
    tasks: ['collect', 'sweep', 'collect', 'collect'],
    done: 'select (select count(*) from layer) = 1 and (select count(*) from disk) = 0',
    async holds(world) {
      const { layers, disks } = await world.store.read('system', async (work) => ({
        layers: await work.layers.list(),
        disks: await work.disks.list(),
      }));
      assert.deepEqual([layers.map((layer) => layer.kind), disks], [['base'], []]);
    },
  },
  'undo of an assignment': {
    does: [],
    async prepare(world) {
      await built(world, 1);
      await withDisk(world);
      await world.client.imageAssign({ id: 1, machine_ids: [world.machine] });
      await started(world);
      await stopped(world);
    },
    asks: [() => ({ name: 'imageAssignUndo', input: { id: 1 } })],
    async holds(world) {
      await marks(world, { disk: await diskIn(world, 'active') }, { 5: true, 11: false });
      await marks(world, { disk: await diskIn(world, 'kept') }, { 5: false, 11: true });
    },
  },
  'reset and its undo': {
    does: [],
    prepare: withDisk,
    asks: [
      ({ machine }) => ({ name: 'machineReset', input: { id: machine } }),
      ({ machine }) => ({ name: 'machineRestore', input: { id: machine } }),
    ],
    holds: async (world) => marks(world, { disk: await diskIn(world, 'active') }, { 5: true }),
  },
  compaction: {
    does: ['layerCompact'],
    async prepare(world) {
      await withDisk(world);
      for (let round = 0; round < 8; round++) await captured(world);
      await world.write(6);
      await captured(world);
    },
    asks: [],
    tasks: ['compact'],
    done: "select count(*) from job where kind = 'layerCompact' and state = 'done'",
    async holds(world) {
      assert.ok((await layerOf(world, 9)).chain.length <= 8);
      for (const id of [1, 5, 8]) await available(world, id, { 5: true, 6: false });
      await available(world, 9, { 5: true, 6: true });
      await marks(world, { disk: await diskIn(world, 'active') }, { 5: true, 6: true });
    },
  },
  import: {
    does: ['imageImport'],
    async prepare() {},
    asks: [
      ({ engine }) => ({ name: 'imageImport', input: { size_bytes: upload(engine).length } }),
      ({ engine }, [opened]) => ({
        name: 'transferPart',
        input: { id: opened.id, offset: 0 },
        content: upload(engine),
      }),
      (_, [opened]) => ({ name: 'transferFinish', input: { id: opened.id } }),
    ],
    holds: (world) => available(world, 1, { 1: true }),
  },
  export: {
    does: ['imageExport'],
    prepare: async (world) => void (await built(world, 1)),
    asks: [() => ({ name: 'imageExport', input: { id: 1 } })],
    async holds({ store, dataDir }) {
      const [transfer] = await store.read('system', (work) => work.transfers.list());
      assert.equal(transfer?.status, 'available');
      const bytes = readFileSync(join(dataDir, 'transfers', String(transfer.id)));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), transfer.sha256);
    },
  },
};

// Each scenario of the crash proof: a request of each kind, and the checks after it. All
// run on real disks and on the simulator alike. Their names are in steps.json and in
// docs/reference/proofs.md.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { leaveMark } from './mark.ts';
import type { EngineName, Scenario } from './scenario.ts';
import {
  built,
  captured,
  diskHas,
  imageHas,
  isFromMemory,
  layerOf,
  leaveStateMarks,
  machineIs,
  started,
  startedAgain,
  startedFromMemory,
  statesHaveMarks,
  stopped,
  withDisk,
  withTemplate,
} from './world.ts';

const mib = 1024 ** 2;
/** A mark behind the file system of the disk that boots by UEFI. */
const behindPartition = 60;

/** The bytes of a disk to import, with the mark 1. */
const upload = (engine: EngineName): Buffer => {
  if (engine === 'simulator')
    return Buffer.from(JSON.stringify({ simulated: [leaveMark(1)], virtualBytes: mib }));
  const disk = Buffer.alloc(2 * mib);
  // The signature of a boot sector: an import without one is refused.
  disk.writeUInt8(0xeb, 0);
  disk.writeUInt16BE(0x55aa, 510);
  return disk.fill(1, mib);
};

export const scenarios: Record<string, Scenario> = {
  capture: {
    does: ['imageCapture'],
    has: 'uefi',
    async prepare(world) {
      await withDisk(world, behindPartition);
      await leaveStateMarks(world);
    },
    asks: [({ machine }) => ({ name: 'imageCapture', input: { machine_id: machine } })],
    async holds(world) {
      await imageHas(world, 1, { [behindPartition]: true });
      await machineIs(world, 'off');
      await diskHas(world, 'active', { [behindPartition]: true });
      await statesHaveMarks(world);
    },
  },
  'install of three titles': {
    does: ['imageInstall'],
    async prepare() {},
    asks: [({ software }) => ({ name: 'imageInstall', input: { software_ids: software } })],
    holds: (world) => imageHas(world, 1, { 11: true, 12: true, 13: true }),
  },
  'install of a title that exists': {
    does: ['imageReuse'],
    prepare: (world) => built(world, 1),
    asks: [
      ({ software }) => ({ name: 'imageInstall', input: { software_ids: software.slice(0, 1) } }),
    ],
    holds: (world) => imageHas(world, 2, { 11: true }),
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
      await startedAgain(world);
      await diskHas(world, 'active', { 11: true, 5: false });
      await diskHas(world, 'kept', { 5: true, 11: false });
    },
  },
  stop: {
    does: ['machineStop'],
    prepare: withDisk,
    warm: started,
    asks: [({ machine }) => ({ name: 'machineStop', input: { id: machine } })],
    async holds(world) {
      await machineIs(world, 'off');
      await diskHas(world, 'active', { 5: true });
    },
  },
  'delete and bring back': {
    does: [],
    prepare: (world) => built(world, 1),
    asks: [
      () => ({ name: 'imageDelete', input: { id: 1 } }),
      () => ({ name: 'imageRestore', input: { id: 1 } }),
    ],
    holds: (world) => imageHas(world, 1, { 11: true }),
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
      await diskHas(world, 'active', { 5: true, 11: false });
      await diskHas(world, 'kept', { 5: false, 11: true });
    },
  },
  'reset and its undo': {
    does: [],
    prepare: withDisk,
    asks: [
      ({ machine }) => ({ name: 'machineReset', input: { id: machine } }),
      ({ machine }) => ({ name: 'machineRestore', input: { id: machine } }),
    ],
    holds: (world) => diskHas(world, 'active', { 5: true }),
  },
  'deletion of a machine and its undo': {
    does: ['machineStop'],
    prepare: withDisk,
    asks: [
      ({ machine }) => ({ name: 'machineDelete', input: { id: machine } }),
      ({ machine }) => ({ name: 'machineUndelete', input: { id: machine } }),
    ],
    async holds(world) {
      await machineIs(world, 'off');
      await diskHas(world, 'active', { 5: true });
    },
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
      for (const id of [1, 5, 8]) await imageHas(world, id, { 5: true, 6: false });
      await imageHas(world, 9, { 5: true, 6: true });
      await diskHas(world, 'active', { 5: true, 6: true });
    },
  },
  'making of a template': {
    does: ['templateMake'],
    has: 'agent',
    prepare: (world) => built(world, 1),
    asks: [() => ({ name: 'imageTemplatesSet', input: { id: 1, templates: 'always' } })],
    tasks: ['template'],
    done: "select count(*) from template where state = 'ready'",
    async holds(world) {
      const [template] = await world.store.read('system', (work) => work.templates.list());
      assert.equal(template?.state, 'ready');
      assert.equal(template.layerId, (await layerOf(world, 1)).layer);
      await imageHas(world, 1, { 11: true });
      await startedFromMemory(world);
    },
  },
  'start from memory': {
    does: ['machineStart'],
    has: 'agent',
    async prepare(world) {
      await built(world, 1);
      await withTemplate(world);
      await world.client.imageAssign({ id: 1, machine_ids: [world.machine] });
    },
    asks: [({ machine }) => ({ name: 'machineStart', input: { id: machine } })],
    async holds(world) {
      if (!(await startedAgain(world)))
        await isFromMemory(world, /^the server ended|^it did not get ready from memory/);
      await diskHas(world, 'active', { 11: true });
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
    holds: (world) => imageHas(world, 1, { 1: true }),
  },
  export: {
    does: ['imageExport'],
    prepare: (world) => built(world, 1),
    asks: [() => ({ name: 'imageExport', input: { id: 1 } })],
    async holds({ store, dataDir }) {
      const [transfer] = await store.read('system', (work) => work.transfers.list());
      assert.equal(transfer?.status, 'available');
      const bytes = readFileSync(join(dataDir, 'transfers', String(transfer.id)));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), transfer.sha256);
    },
  },
};

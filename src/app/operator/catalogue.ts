// The operator's catalogue: base images, software and machine types, kept on the data directory.
// Files are copied in and pinned by digest first; the row that makes them usable is written last.

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { BaseImage } from '../../domain/base.ts';
import { AppError, failedForGood, invalid } from '../../domain/error.ts';
import type { BaseImageId, LayerId, MachineTypeId, SoftwareId } from '../../domain/ids.ts';
import type { Boot } from '../../domain/layer.ts';
import type { MachineType } from '../../domain/machine-type.ts';
import {
  assertRecipe,
  type Recipe,
  type RecipeFile,
  type Software,
} from '../../domain/software.ts';
import { gbBytes } from '../../domain/units.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import { type Content, fileContent } from '../../lib/content.ts';
import { sha256File } from '../../lib/files.ts';
import { newId } from '../../lib/new-id.ts';
import { nameFault } from '../../lib/plain-text.ts';
import type { Reader, Store } from '../../store/port/unit-of-work.ts';

/** What the catalogue needs of an engine: to take files in. */
export type Intake = Pick<Engine, 'importBase' | 'importFile' | 'removeLayer'>;

export const nameLengthMax = 100;

const checkName = (name: string) => {
  if (name.trim() === '' || [...name].length > nameLengthMax)
    throw invalid(`The name must have 1 to ${nameLengthMax} characters.`);
  const fault = nameFault(name);
  if (fault !== null) throw invalid(`The name ${fault}; remove it.`);
};

/** Names stand for ids, so each may be one thing's alone. Throws `conflict` with what to do. */
function assertFree(
  noun: string,
  name: string,
  list: readonly { id: number; name: string }[],
  cure: (id: number) => string,
): void {
  const same = list.find((one) => one.name === name);
  if (same)
    throw new AppError(
      'conflict',
      `There is a ${noun} named ${JSON.stringify(name)} already (id ${same.id}); ${cure(same.id)}`,
    );
}

const assertBaseFree = async (work: Reader, name: string) =>
  assertFree(
    'base image',
    name,
    await work.bases.list(),
    () => 'give another name, or see: silversmith base list',
  );
const assertSoftwareFree = async (work: Reader, name: string) =>
  assertFree(
    'software',
    name,
    await work.software.list(),
    (id) => `to give it another recipe: silversmith software update ${id}`,
  );

/** Throws `conflict` when a machine type has the name. */
export const machineTypeAdd = (
  store: Store,
  type: Omit<MachineType, 'id'>,
): Promise<{ id: MachineTypeId }> => {
  checkName(type.name);
  return store.write('system', async (work) => {
    const types = await work.machineTypes.list();
    assertFree(
      'machine type',
      type.name,
      types,
      () => 'give another name, or see: silversmith machine-type list',
    );
    return work.machineTypes.add(type);
  });
};

export interface NewBase {
  name: string;
  files: { disk: string; kernel?: string; initrd?: string };
  boot: Boot;
}

export async function baseAdd(
  store: Store,
  intake: Intake,
  { name, files, boot }: NewBase,
  signal?: AbortSignal,
): Promise<BaseImage> {
  checkName(name);
  // Asked before the disk is copied, and again in the transaction that takes the name.
  await store.read('system', (work) => assertBaseFree(work, name));
  const layerId = newId() as LayerId;
  const { disk, kernel, initrd } = files;
  const spec = {
    layerId,
    disk: await givenFile(disk),
    ...(kernel !== undefined && { kernel: await givenFile(kernel) }),
    ...(initrd !== undefined && { initrd: await givenFile(initrd) }),
  };
  const { digest, virtualBytes, storedBytes } = await intake.importBase(spec, withoutJob(signal));
  try {
    return await store.write('system', async (work) => {
      await assertBaseFree(work, name);
      const same = await work.layers.byKey(digest);
      if (same)
        throw invalid(
          `This disk is a base image already (layer ${same.id}); list them with: silversmith base list`,
        );
      await work.layers.add({
        id: layerId,
        kind: 'base',
        parentId: null,
        baseLayerId: layerId,
        key: digest,
        state: 'sealed',
        virtualBytes,
        storedBytes,
        jobId: null,
        organisationId: null,
        boot,
      });
      return work.bases.add({
        name,
        sizeGb: Math.ceil((virtualBytes / gbBytes) * 100) / 100,
        layerId,
      });
    });
  } catch (error) {
    await intake.removeLayer(layerId, withoutJob());
    throw error;
  }
}

/** What a trial needs of an engine: a build machine, and the removal of the layer that it made. */
export type Trier = Pick<Engine, 'buildLayer' | 'removeLayer'>;

/**
 * Whether a build machine that is started on a base runs a recipe and reports; if not, why. Nothing
 * is left of it but what is known of the base then. What may pass, such as a full disk, says
 * nothing of the base. Throws not-found.
 */
export async function baseTry(
  store: Store,
  trier: Trier,
  id: BaseImageId,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ works: boolean; said: string }> {
  const { layer, boot } = await store.read('system', async (work) => {
    const found = await work.layers.get((await work.bases.get(id)).layerId);
    return { layer: found, boot: await work.layers.bootOf(found) };
  });
  const layerId = newId() as LayerId;
  const recipe: Recipe = { script: 'true\n', files: [], network: false, timeoutMs };
  const spec = { layerId, parentId: layer.id, sizeBytes: layer.virtualBytes, ...boot };
  try {
    const { exitCode, output } = await trier.buildLayer(
      { ...spec, recipe, label: 'The trial' },
      withoutJob(signal),
    );
    if (exitCode !== 0)
      throw failedForGood(
        `The trial ended with exit status ${exitCode}. Its last lines:\n${lastLines(output)}`,
      );
    await store.write('system', (work) => work.bases.prove(id));
    return { works: true, said: '' };
  } catch (error) {
    // One that was interrupted says nothing of the base.
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    if (error.retry !== 'later') await store.write('system', (work) => work.bases.fail(id));
    return { works: false, said: error.message };
  } finally {
    await trier.removeLayer(layerId, withoutJob());
  }
}

const lastLines = (output: string) => output.trimEnd().split('\n').slice(-5).join('\n');

export interface NewSoftware {
  name: string;
  sizeGb: number;
  script: string;
  /** Paths of files that the script needs; it finds them under their own names. */
  files: string[];
  network: boolean;
  timeoutMs: number;
}

/** A file that the operator names. Throws `invalid`. */
async function givenFile(path: string): Promise<Content> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw invalid(`${path} is not a file that can be read.`);
  return fileContent(path);
}

/** Takes a recipe's files in, pinned by digest. Throws `invalid`. */
async function takeIn(intake: Intake, { name, sizeGb, files, ...rest }: NewSoftware) {
  checkName(name);
  if (!(sizeGb > 0 && sizeGb <= 10_000))
    throw invalid('The size must be a number of GB above 0 and up to 10000.');
  const pinned: (RecipeFile & { content: Content })[] = [];
  for (const path of files) {
    const content = await givenFile(path);
    const sha256 = await sha256File(path);
    pinned.push({ name: basename(path), sha256, bytes: content.bytes, content });
  }
  const recipe: Recipe = {
    ...rest,
    files: pinned.map(({ content: _content, ...file }) => file),
  };
  assertRecipe(recipe);
  for (const { sha256, content } of pinned)
    await intake.importFile({ sha256, content }, withoutJob());
  return { name, sizeGb, recipe };
}

/** Throws `conflict` when a title has the name. */
export async function softwareAdd(
  store: Store,
  intake: Intake,
  given: NewSoftware,
): Promise<Software> {
  await store.read('system', (work) => assertSoftwareFree(work, given.name));
  const title = await takeIn(intake, given);
  return store.write('system', async (work) => {
    await assertSoftwareFree(work, title.name);
    return work.software.add(title);
  });
}

/**
 * Gives a title another recipe: what is built from now on has it, images that are there stay as
 * they are. Throws not-found, `conflict`.
 */
export async function softwareUpdate(
  store: Store,
  intake: Intake,
  id: SoftwareId,
  given: NewSoftware,
): Promise<Software> {
  const title = await takeIn(intake, given);
  return store.write('system', async (work) => {
    const titles = await work.software.list();
    const before = titles.find((one) => one.id === id);
    // One that keeps its name is not held up by a twin from before names were checked.
    if (before && before.name !== title.name)
      assertFree('software', title.name, titles, () => 'give this one another name.');
    return work.software.update(id, title);
  });
}

// Base images, which all other images start from. The disk is copied in and pinned by digest first;
// the row that makes the base usable is written last. A base is tried in a build machine, because a
// broken default base would fail every build and start that names no base.

import { isDeepStrictEqual } from 'node:util';
import { awaitsTrial, type BaseImage } from '../../domain/base.ts';
import { type BootProfile, type GivenBoot, leastDiskGb } from '../../domain/boot.ts';
import { AppError, failedForGood, invalid, notFound } from '../../domain/error.ts';
import type { BaseImageId, LayerId } from '../../domain/ids.ts';
import type { Layer } from '../../domain/layer.ts';
import { versionedName } from '../../domain/offer.ts';
import type { Recipe } from '../../domain/software.ts';
import { settledBoot } from '../../engine/optional/settled-boot.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { ChainBoot } from '../../engine/port/layers.ts';
import { newId } from '../../lib/new-id.ts';
import { endIntake, withIntake } from '../../reconcile/intake.ts';
import type { Reader, Store, Writer } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';
import { type GivenFile, givenFile, sentBytes } from './given-file.ts';
import { assertName, assertNameFree } from './name.ts';

interface NewBase {
  name: string;
  /** The disk is not trusted; `wanted` is its name in an archive that holds several. */
  files: { disk: GivenFile; wanted?: string; kernel?: GivenFile; initrd?: GivenFile };
  boot: GivenBoot;
  version?: string | null | undefined;
  /** Whether it is not taken where no base is named. */
  hold?: boolean | undefined;
  /** Whether it is not offered until it has passed `baseTry`. */
  awaitsTrial?: boolean;
}

export interface ListedBase extends BaseImage {
  /** Null: how the base boots is not known. */
  boot: BootProfile | null;
  /** The result of its last trial, build or machine; null: it was never tried. */
  works: boolean | null;
  /** Whether it is taken where no base is named. */
  default: boolean;
}

type Intake = Pick<Engine, 'name' | 'bootCheck' | 'importBase' | 'removeLayer'>;
type Trier = Pick<Engine, 'buildLayer' | 'removeLayer'>;

const mayBeTaken = ({ retiredAt, heldAt }: BaseImage) => retiredAt === null && heldAt === null;

const worksOf = ({ provedAt, failedAt }: BaseImage) =>
  provedAt !== null ? true : failedAt !== null ? false : null;

export const baseList = (store: Store): Promise<ListedBase[]> =>
  store.read('system', async (work) => {
    const bases = await work.bases.list();
    const taken = bases.some(mayBeTaken) ? (await work.bases.get()).id : null;
    const listed: ListedBase[] = [];
    for (const base of bases) {
      const { boot } = await work.layers.get(base.layerId);
      listed.push({ ...base, boot, works: worksOf(base), default: base.id === taken });
    }
    return listed;
  });

const assertFree = async (work: Reader, name: string) =>
  assertNameFree(
    'base image',
    name,
    await work.bases.list(),
    () =>
      'give another name, or the version that this one is (--release); see: silversmith base list',
  );

/** Writes the row of a base whose layer the engine has. Throws `conflict`, `invalid`. */
async function addRow(
  work: Writer,
  layerId: LayerId,
  boot: BootProfile,
  { name: series, version = null, hold, awaitsTrial = false }: NewBase,
  { digest, virtualBytes, storedBytes }: Awaited<ReturnType<Intake['importBase']>>,
): Promise<BaseImage> {
  const name = versionedName(series, version);
  await assertFree(work, name);
  const sizeGb = Math.ceil(leastDiskGb(boot, virtualBytes) * 100) / 100;
  const heldAt = hold ? work.now() : null;
  const same = await work.layers.byKey(digest);
  if (same && (await takesLeftOver(work, same, boot))) {
    await work.packageLists.want(same.id);
    return work.bases.add({ name, version, heldAt, awaitsTrial, sizeGb, layerId: same.id });
  }
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
  await work.packageLists.want(layerId);
  return work.bases.add({ name, version, heldAt, awaitsTrial, sizeGb, layerId });
}

/**
 * Whether the layer of a base that was removed serves again. With nothing on it, it gets the new
 * boot profile, unless that is direct: its kernel would be beside the new copy. Steps of the build
 * cache on it were made under the old profile.
 */
async function takesLeftOver(work: Writer, layer: Layer, boot: BootProfile): Promise<boolean> {
  if (layer.state !== 'sealed' || (await work.bases.ofLayer(layer.id))) return false;
  if (boot.mode === 'direct' || (await work.layers.usersOf(layer.id)) > 0)
    return bootsAlike(layer, boot);
  await work.layers.update(layer.id, { boot });
  return true;
}

/** Whether a layer has the profile, on whatever board. */
const bootsAlike = (layer: Layer, boot: BootProfile) =>
  isDeepStrictEqual({ ...layer.boot, board: '' }, { ...boot, board: '' });

/**
 * Adds a base of a disk, without a trial. Throws `invalid` for a disk or a name that cannot be
 * used, `conflict` when a base has the name, `no_capacity` when the host has no room, or the reason
 * of the signal; then no part of the disk is kept.
 */
export const baseAdd = change(
  'baseAdd',
  (_intake: Intake, { name }: NewBase, _signal?: AbortSignal) =>
    `base image ${JSON.stringify(name)}`,
  async ({ store, touched }, intake, given, signal?) => {
    const name = versionedName(given.name, given.version ?? null);
    assertName(name);
    // The name is looked at before the disk is copied, and again in the transaction that takes it.
    await store.read('system', (work) => assertFree(work, name));
    const layerId = newId<LayerId>();
    const { disk, wanted, kernel, initrd } = given.files;
    const spec = {
      layerId,
      disk: await givenFile(disk, signal),
      wanted,
      ...(kernel !== undefined && { kernel: await givenFile(kernel, signal) }),
      ...(initrd !== undefined && { initrd: await givenFile(initrd, signal) }),
    };
    const counted = { layerId, organisationId: null, coveredBytes: sentBytes(disk, spec.disk) };
    const imported = await withIntake(store, counted, (room) =>
      intake.importBase({ ...spec, room }, withoutJob(signal)),
    );
    try {
      const boot = await settledBoot(intake, { layerId, boot: given.boot }, withoutJob(signal));
      const added = await store.write('system', async (work) => {
        await endIntake(work, layerId);
        return addRow(work, layerId, boot, given, imported);
      });
      touched(`base image ${added.id} (${added.name})`);
      if (added.layerId !== layerId) await intake.removeLayer(layerId, withoutJob());
      return added;
    } catch (error) {
      await intake.removeLayer(layerId, withoutJob());
      await store.write('system', (work) => endIntake(work, layerId));
      throw error;
    }
  },
);

/**
 * Returns what is known against a base, each as the end of a sentence: why a machine can hardly
 * start on it, and why its system would not use the whole of a larger disk.
 */
async function baseWarnings(
  { bootCheck }: Pick<Engine, 'bootCheck'>,
  { layerId }: Pick<BaseImage, 'layerId'>,
  boot: BootProfile,
): Promise<string[]> {
  const root = { boot, baseLayerId: layerId };
  const fault = await bootCheck?.fault(root, withoutJob());
  const growth = await bootCheck?.growthFault(root, withoutJob());
  return [
    ...(fault ? [`will hardly start: ${fault.says}`] : []),
    ...(growth ? [`does not use a larger disk: ${growth}`] : []),
  ];
}

interface ShownBase extends ListedBase {
  /** The faults that `baseWarnings` finds; none for a base that is fit. */
  warnings: string[];
}

/** Throws not-found. */
export async function baseGet(store: Store, engine: Engine, id: BaseImageId): Promise<ShownBase> {
  const shown = (await baseList(store)).find((one) => one.id === id);
  if (shown === undefined) throw notFound('base image', id, 'silversmith base list');
  const warnings = shown.boot ? await baseWarnings(engine, shown, shown.boot) : [];
  return { ...shown, warnings };
}

export interface Trial {
  works: boolean;
  /** Why it does not work; empty when it does. */
  said: string;
}

/**
 * Starts a build machine on a base, to see whether it runs a recipe and reports. The trial leaves
 * only its result: whether the base works, and that a base which awaited its trial is offered now.
 * A temporary failure, such as a full disk, leaves no result. Throws not-found, or the reason of
 * the signal.
 */
export const baseTry = change(
  'baseTry',
  (_trier: Trier, id: BaseImageId, _timeoutMs: number, _signal: AbortSignal) => `base image ${id}`,
  async ({ store, touched, failed }, trier, id, timeoutMs, signal): Promise<Trial> => {
    const { name, root } = await store.read('system', async (work) => {
      const base = await work.bases.get(id);
      const layer = await work.layers.get(base.layerId);
      return { name: base.name, root: { layer, boot: await work.layers.bootOf(layer) } };
    });
    touched(`base image ${id} (${name})`);
    try {
      await runTrial(trier, root, timeoutMs, signal);
      await store.write('system', async (work) => {
        await work.bases.prove(id);
        if (awaitsTrial(await work.bases.get(id))) await work.bases.update(id, { retiredAt: null });
      });
      return { works: true, said: '' };
    } catch (error) {
      // An interrupted trial has no result.
      signal.throwIfAborted();
      if (!(error instanceof AppError)) throw error;
      if (error.retry !== 'later') await store.write('system', (work) => work.bases.fail(id));
      failed(error.message);
      return { works: false, said: error.message };
    }
  },
);

/** Throws an AppError that says why a guest on the root did not run a recipe and report. */
async function runTrial(
  trier: Trier,
  { layer, boot }: { layer: Layer; boot: ChainBoot },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const layerId = newId<LayerId>();
  const recipe: Recipe = { script: 'exit 0\n', files: [], network: false, timeoutMs };
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
  } finally {
    await trier.removeLayer(layerId, withoutJob());
  }
}

const lastLines = (output: string) => output.trimEnd().split('\n').slice(-5).join('\n');

// The catalogue of software. The files of a recipe are copied in and pinned by digest first; the
// row that makes the title usable is written last.

import { invalid } from '../../domain/error.ts';
import type { SoftwareId } from '../../domain/ids.ts';
import { versionedName } from '../../domain/offer.ts';
import {
  assertRecipe,
  type Recipe,
  type RecipeFile,
  type Software,
} from '../../domain/software.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import { type Content, sha256Of } from '../../lib/content.ts';
import type { Reader, Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';
import { type GivenFile, givenFile, nameOf } from './given-file.ts';
import { assertName, assertNameFree } from './name.ts';

/** With the limits and the order of the recipe; see `Recipe`. */
export interface NewSoftware
  extends Pick<Recipe, 'cpus' | 'memoryMb' | 'rebootStatus' | 'requires' | 'after' | 'maxAgeMs'> {
  name: string;
  sizeGb: number;
  script: string;
  /** Files that the script needs; it finds them under their own names. */
  files: readonly GivenFile[];
  network: boolean;
  timeoutMs: number;
  version?: string | null | undefined;
}

type Intake = Pick<Engine, 'importFile'>;

const never = new AbortController().signal;

export const softwareList = (store: Store): Promise<Software[]> =>
  store.read('system', (work) => work.software.list());

const assertFree = async (work: Reader, name: string) =>
  assertNameFree(
    'software',
    name,
    await work.software.list(),
    (id) =>
      `to give it another recipe: silversmith software update ${id}; to add a version of it beside: --release`,
  );

/** Throws `invalid` when a title that the recipe names is not in the catalogue. */
function assertNamed(catalogue: readonly Software[], { requires = [], after = [] }: NewSoftware) {
  const unknown = [...requires, ...after].find(
    (name) => !catalogue.some((title) => title.name === name),
  );
  if (unknown !== undefined)
    throw invalid(
      `There is no software named ${JSON.stringify(unknown)}; add it first, or list the names: silversmith software list`,
    );
}

/**
 * Takes the files of a recipe in. Throws `invalid`, or the reason of the signal. Files that are in
 * by then stay: they are kept by digest, and the same command finds them again.
 */
async function takeIn(
  intake: Intake,
  { name: series, version = null, sizeGb, files, ...rest }: NewSoftware,
  signal?: AbortSignal,
) {
  const name = versionedName(series, version);
  assertName(name);
  if (!(sizeGb > 0 && sizeGb <= 10_000))
    throw invalid('The size must be a number of GB above 0 and up to 10000.');
  const pinned: (RecipeFile & { content: Content })[] = [];
  for (const file of files) {
    const content = await givenFile(file, signal);
    const sha256 = await sha256Of(content, signal ?? never).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
    pinned.push({ name: nameOf(file), sha256, bytes: content.bytes, content });
  }
  const recipe: Recipe = { ...rest, files: pinned.map(({ content: _, ...file }) => file) };
  assertRecipe(recipe);
  for (const { sha256, content } of pinned)
    await intake.importFile({ sha256, content }, withoutJob(signal));
  return { name, version, sizeGb, recipe };
}

/** Throws `invalid` for a recipe that is not valid, and `conflict` when a title has the name. */
export const softwareAdd = change(
  'softwareAdd',
  (_intake: Intake, { name }: NewSoftware, _signal?: AbortSignal) =>
    `software ${JSON.stringify(name)}`,
  async ({ store, touched }, intake, given, signal?) => {
    // The name is looked at before files are copied, and again in the transaction that takes it.
    const name = versionedName(given.name, given.version ?? null);
    await store.read('system', async (work) => {
      await assertFree(work, name);
      assertNamed(await work.software.list(), given);
    });
    const title = await takeIn(intake, given, signal);
    const added = await store.write('system', async (work) => {
      await assertFree(work, title.name);
      return work.software.add(title);
    });
    touched(`software ${added.id} (${added.name})`);
    return added;
  },
);

/** Gives a title another recipe, which later builds use; existing images do not change.
 * Throws `invalid`, not-found and `conflict`.
 */
export const softwareUpdate = change(
  'softwareUpdate',
  (_intake: Intake, id: SoftwareId, _given: NewSoftware, _signal?: AbortSignal) => `software ${id}`,
  async ({ store, touched }, intake, id, given, signal?) => {
    assertNamed(await softwareList(store), given);
    const title = await takeIn(intake, given, signal);
    const updated = await store.write('system', async (work) => {
      const titles = await work.software.list();
      const before = titles.find((one) => one.id === id);
      // A title that keeps its name may have a twin from a time when names were not compared.
      if (before && before.name !== title.name)
        assertNameFree('software', title.name, titles, () => 'give this one another name.');
      return work.software.update(id, title);
    });
    touched(`software ${id} (${updated.name})`);
    return updated;
  },
);

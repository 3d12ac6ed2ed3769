// Software that can be installed: its recipe, the order of installation, and the key under which
// builds find the resulting layer.

import { createHash } from 'node:crypto';
import { AppError, invalid } from './error.ts';
import type { SoftwareId } from './ids.ts';
import type { Layer } from './layer.ts';

export interface RecipeFile {
  /** The name under which the script finds the file, in its working directory. */
  name: string;
  sha256: string;
  bytes: number;
}

/** How software is installed: a shell script that runs as root inside a build machine. */
export interface Recipe {
  script: string;
  files: RecipeFile[];
  /** Whether the build machine reaches the network. */
  network: boolean;
  timeoutMs: number;
  /** The least that its build machine has; default: what the base or the engine gives it. */
  cpus?: number;
  memoryMb?: number;
  /** The exit status with which the script asks to be started again after a reboot. */
  rebootStatus?: number;
  /** How long builds use its layer again, where it reaches the network; default: for ever. */
  maxAgeMs?: number;
  /** The names of titles that must be in the list too, and are installed before it. */
  requires?: string[];
  /** The names of titles that are installed before it, when they are in the list. */
  after?: string[];
}

export interface Software {
  id: SoftwareId;
  name: string;
  sizeGb: number;
  recipe: Recipe;
  recipeDigest: string;
  createdAt: number;
  /** The version in its name; null when it has none. */
  version: string | null;
  /** Since when it is not offered any more; null while it is. */
  retiredAt: number | null;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/**
 * The digest of everything that decides the result of a recipe. The limits of time and memory are
 * left out, because higher ones give the same layer; so is what comes before, because it is part of
 * the parent's key.
 */
export function recipeDigest(recipe: Recipe): string {
  const files = recipe.files
    .map((file) => [file.name, file.sha256])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0));
  const { script, network, rebootStatus } = recipe;
  const reboots = rebootStatus === undefined ? [] : [{ rebootStatus }];
  return sha256(JSON.stringify(['recipe-1', script, network, files, ...reboots]));
}

/** The key of the layer that a recipe makes on a parent. Layers with equal keys are the same. */
export function layerKey(parentKey: string, digest: string): string {
  return sha256(JSON.stringify(['layer-1', parentKey, digest]));
}

interface CacheRules {
  recipe: Recipe;
  /** The layer below the step. */
  parent: Pick<Layer, 'kind' | 'createdAt'>;
  /** Since when a layer that used the network must have been made; null for any time. */
  refreshedSince: number | null;
  now: number;
}

/** Whether a build may use the layer that an earlier build made of a step. */
export function isFresh(
  { createdAt }: Pick<Layer, 'createdAt'>,
  { recipe, parent, refreshedSince, now }: CacheRules,
): boolean {
  // A step below was made anew since, so the layer stands on what is to be replaced.
  if (parent.kind === 'software' && createdAt < parent.createdAt) return false;
  if (!recipe.network) return true;
  if (refreshedSince !== null && createdAt < refreshedSince) return false;
  return recipe.maxAgeMs === undefined || now - createdAt <= recipe.maxAgeMs;
}

/**
 * The order of installation: each once, after what it requires or names as before it, and otherwise
 * by id, so that equal sets of software share layers. Throws `invalid` when the list lacks what a
 * title requires, and when titles wait for each other.
 */
export function canonicalOrder<Item extends Pick<Software, 'id' | 'name' | 'recipe'>>(
  given: readonly Item[],
): Item[] {
  const list = [...new Map(given.map((item) => [item.id, item])).values()];
  const named = new Map<string, Item[]>();
  for (const item of list) named.set(item.name, [...(named.get(item.name) ?? []), item]);
  const waitsFor = new Map<Item, number>();
  const next = new Map<Item, Item[]>();
  for (const item of list) {
    const { requires = [], after = [] } = item.recipe;
    const missing = requires.find((name) => !named.has(name));
    if (missing !== undefined)
      throw invalid(
        `${item.name} (software ${item.id}) requires ${missing}, which is not in the list; add it.`,
      );
    const before = new Set([...requires, ...after].flatMap((name) => named.get(name) ?? []));
    before.delete(item);
    waitsFor.set(item, before.size);
    for (const one of before) next.set(one, [...(next.get(one) ?? []), item]);
  }
  const ordered: Item[] = [];
  const ready = list.filter((item) => waitsFor.get(item) === 0);
  while (ready.length > 0) {
    ready.sort((a, b) => b.id - a.id);
    const item = ready.pop();
    if (item === undefined) break;
    ordered.push(item);
    for (const one of next.get(item) ?? []) {
      const left = (waitsFor.get(one) ?? 0) - 1;
      waitsFor.set(one, left);
      if (left === 0) ready.push(one);
    }
  }
  if (ordered.length === list.length) return ordered;
  const names = list.filter((item) => !ordered.includes(item)).map(({ name }) => name);
  throw invalid(
    `These titles wait for each other, so none can be first: ${names.slice(0, 10).join(', ')}. Change what one of them requires (silversmith software update).`,
  );
}

/** What package managers print when they go on with old lists of packages, or with none. */
const unreachable =
  /^(W: Failed to fetch|W: Some index files failed|Err:\d+ |E: Failed to fetch|Error: Failed to download metadata|Errors during downloading metadata|WARNING: (fetching|opening|updating) \S+: |curl: \(\d+\) )/;
const warningsMax = 20;
const warningCharactersMax = 300;

/**
 * The lines of a recipe's output in which a package manager could not reach its sources. It often
 * ends with status 0 all the same, so that the layer has old packages.
 */
export const warningsOf = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => unreachable.test(line))
    .slice(0, warningsMax)
    .map((line) => line.slice(0, warningCharactersMax));

const scriptBytesMax = 256 * 1024;
const recipeFilesMax = 200;

/** Checks a recipe before it is stored. Throws `invalid`. */
export function assertRecipe(recipe: Recipe): void {
  const bytes = Buffer.byteLength(recipe.script);
  if (recipe.script.trim() === '')
    throw invalid('The script is empty; give the commands that install the software.');
  if (recipe.script.includes('\r\n'))
    throw invalid(
      'The script has the line ends of Windows (CRLF), which a shell takes for part of the words; convert it, for example with dos2unix.',
    );
  const { rebootStatus, maxAgeMs } = recipe;
  if (maxAgeMs !== undefined && !recipe.network)
    throw invalid(
      'A recipe without the network gives the same layer at any time, so its layer has no age; give the network too, or leave the age out.',
    );
  if (rebootStatus !== undefined && !(rebootStatus >= 1 && rebootStatus <= 255))
    throw invalid('The exit status that asks for a reboot must be from 1 to 255.');
  if (bytes > scriptBytesMax)
    throw invalid(
      `The script has ${bytes} bytes; the most is ${scriptBytesMax}. Put data into files.`,
    );
  if (recipe.files.length > recipeFilesMax) {
    throw invalid(`The recipe has ${recipe.files.length} files; the most is ${recipeFilesMax}.`);
  }
  const names = new Set<string>();
  for (const { name } of recipe.files) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}$/.test(name)) {
      throw invalid(
        `The file name ${JSON.stringify(name)} is not plain: use letters, digits and . _ + ~ - only.`,
      );
    }
    if (names.has(name)) throw invalid(`Two files of the recipe are named ${name}; rename one.`);
    names.add(name);
  }
}

/** The software with these ids, each once. Throws a not-found that names the first missing id. */
export function pickSoftware(
  catalogue: readonly Software[],
  ids: readonly SoftwareId[],
): Software[] {
  return [...new Set(ids)].map((id) => {
    const found = catalogue.find((software) => software.id === id);
    if (!found)
      throw new AppError(
        'not_found',
        `There is no software ${id}; GET /software lists what there is.`,
      );
    return found;
  });
}

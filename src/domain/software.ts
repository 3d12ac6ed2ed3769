// Software that can be installed: its recipe, the order of installation, and the key under which
// builds find the resulting layer.

import { createHash } from 'node:crypto';
import { AppError, invalid } from './error.ts';
import type { SoftwareId } from './ids.ts';

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
 * The digest of everything that decides the result of a recipe. The time limit is left out, because
 * a longer one gives the same layer.
 */
export function recipeDigest(recipe: Recipe): string {
  const files = recipe.files
    .map((file) => [file.name, file.sha256])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0));
  return sha256(JSON.stringify(['recipe-1', recipe.script, recipe.network, files]));
}

/** The key of the layer that a recipe makes on a parent. Layers with equal keys are the same. */
export function layerKey(parentKey: string, digest: string): string {
  return sha256(JSON.stringify(['layer-1', parentKey, digest]));
}

/** The order of installation: by id, each once, so that equal sets of software share layers. */
export function canonicalOrder<Item extends { id: SoftwareId }>(list: readonly Item[]): Item[] {
  const byId = new Map(list.map((item) => [item.id, item]));
  return [...byId.values()].sort((a, b) => a.id - b.id);
}

const scriptBytesMax = 256 * 1024;
const recipeFilesMax = 200;

/** Checks a recipe before it is stored. Throws `invalid`. */
export function assertRecipe(recipe: Recipe): void {
  const bytes = Buffer.byteLength(recipe.script);
  if (recipe.script.trim() === '')
    throw invalid('The script is empty; give the commands that install the software.');
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

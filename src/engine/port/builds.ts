// Builds at an engine: a recipe runs in a build machine and leaves a layer.

import type { LayerId } from '../../domain/ids.ts';
import type { Recipe } from '../../domain/software.ts';
import type { ChainBoot } from './layers.ts';

export interface BuildSpec extends ChainBoot {
  layerId: LayerId;
  parentId: LayerId;
  sizeBytes: number;
  recipe: Recipe;
  /** The name of the software, for logs. */
  label: string;
}

export interface BuildResult {
  /** Exit status of the recipe; the layer exists only when it is 0. */
  exitCode: number;
  /** What the recipe printed, its middle left out when it is long. */
  output: string;
  virtualBytes: number;
  storedBytes: number;
}

export interface Builds {
  /** Copies a recipe's file in, under its digest. Throws `invalid` when the content has another. */
  importFile(sha256: string, path: string): Promise<void>;
  buildLayer(spec: BuildSpec, signal: AbortSignal): Promise<BuildResult>;
}

// Builds at an engine: a recipe runs in a build machine, and the changes on its disk become a
// layer.

import type { LayerId } from '../../domain/ids.ts';
import type { Recipe } from '../../domain/software.ts';
import type { Content } from '../../lib/content.ts';
import type { Call } from './call.ts';
import type { ChainBoot } from './layers.ts';

export interface FileSpec {
  /** Lower-case hex. */
  sha256: string;
  content: Content;
}

export interface BuildSpec extends ChainBoot {
  layerId: LayerId;
  parentId: LayerId;
  sizeBytes: number;
  recipe: Recipe;
  /** The name of the software, for logs. */
  label: string;
  /** Is given each line that the recipe prints, when it has come to its end, without a newline. */
  onLine?: (line: string) => void;
}

export interface BuildResult {
  /** Exit status of the recipe; the layer exists only when it is 0. */
  exitCode: number;
  /** The output of the recipe, without its middle when it is long. */
  output: string;
  virtualBytes: number;
  storedBytes: number;
}

export interface Builds {
  /**
   * Copies a recipe's file into the engine, under its digest. Idempotent: does nothing when the
   * file exists. Throws `invalid` when the content has another digest. After a failure there is no
   * file.
   */
  importFile(spec: FileSpec, call: Call): Promise<void>;
  /**
   * Runs a recipe in a build machine started from the parent; with exit status 0 the result is
   * sealed as the layer. Idempotent: an existing layer is not built again. Resolves for a recipe
   * that ends with another status. Throws `internal` for a recipe that did not end within its
   * limits, `unavailable` when the machine ended first, and `no_capacity` when the host's disk is
   * full; the error of a machine that did not reach its recipe has its console's text (`output`).
   * After a failure there is no layer and no build machine.
   */
  buildLayer(spec: BuildSpec, call: Call): Promise<BuildResult>;
}

// The definition of each kind of job, in a file of its own below jobs/.

import type { JobKind } from '../domain/job.ts';
import type { JobDefinition } from './job.ts';
import { imageCapture } from './jobs/image-capture.ts';
import { imageExport } from './jobs/image-export.ts';
import { imageImport } from './jobs/image-import.ts';
import { imageInstall, imageReuse } from './jobs/image-install.ts';
import { layerCompact } from './jobs/layer-compact.ts';
import { machineStart } from './jobs/machine-start.ts';
import { machineStop } from './jobs/machine-stop.ts';
import { templateMake } from './jobs/template-make.ts';

const definitions: { [Kind in JobKind]: JobDefinition<Kind> } = {
  imageCapture,
  imageExport,
  imageImport,
  imageInstall,
  imageReuse,
  layerCompact,
  machineStart,
  machineStop,
  templateMake,
};

/** The caller gives the definition only jobs of its own kind. */
export const definitionOf = (kind: JobKind): JobDefinition => definitions[kind];

// Starts machines from the memory of a template, so that they need not boot.
//
// A template is the memory and the device state of a throw-away machine of an image, taken when
// that machine was ready. What the machine wrote until then is a layer on the image's head. A
// machine that starts from the template has a fresh disk on that layer, and maps the memory
// privately.

import type { LayerId, TemplateId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';
import type { ChainBoot } from '../port/layers.ts';

export interface TemplateSpec extends ChainBoot {
  templateId: TemplateId;
  /** The head of the chain, on which the throw-away machine boots. */
  layerId: LayerId;
  /** The id of the layer that is made of what it wrote. */
  resultLayerId: LayerId;
  /** Of its disk. */
  sizeBytes: number;
  cpus: number;
  memoryMb: number;
  /** How long it may take until it is ready. */
  timeoutMs: number;
}

/** Lower-case hex. */
export interface TemplateDigests {
  stateSha256: string;
  memorySha256: string;
}

export interface TemplateFiles extends TemplateDigests {
  /** Of the result layer, which is sealed. */
  layer: { virtualBytes: number; storedBytes: number };
  /** The bytes that the files take on the disk; that of the memory is sparse. */
  stateBytes: number;
  memoryBytes: number;
}

/** A template with what its files must be. It fits machines of its own size alone. */
export interface UsableTemplate extends TemplateDigests {
  templateId: TemplateId;
  cpus: number;
  memoryMb: number;
}

export interface Instant {
  /**
   * Templates that were made under an equal fingerprint can be loaded: it names the versions of
   * everything that wrote them, and the machine and the processor that the guest sees.
   */
  fingerprint(call: Call): Promise<string>;
  /**
   * Boots a throw-away machine on the layer, waits until it is ready, keeps its memory and state as
   * the template's files, and seals its disk as the result layer. The machine has no network and no
   * identity of anybody. Idempotent: what is made already is not made again. Throws `internal`,
   * with the last lines of the console, for a machine that is not ready in time, and `invalid` for
   * an image whose guests cannot be started from memory; throws `unavailable` when the host could
   * not start one, and `no_capacity` when its disk is full. After a failure nothing of it can be
   * used; the same call, or `removeTemplate` and `removeLayer`, clears what is left.
   */
  makeTemplate(spec: TemplateSpec, call: Call): Promise<TemplateFiles>;
  /**
   * Takes the digests of a template's files. Changes nothing. Throws `internal` when one is missing
   * or cannot be read, and `unavailable` when it cannot be read at the moment.
   */
  digestTemplate(
    spec: { templateId: TemplateId; bytesPerSecond: number },
    call: Call,
  ): Promise<TemplateDigests>;
  /**
   * Ends the machine that makes it, if one does, and removes its files, not its layer. Machines
   * that were started from it keep the memory that they have mapped. Idempotent.
   */
  removeTemplate(templateId: TemplateId, call: Call): Promise<void>;
  /** The templates that the engine keeps, also unfinished ones, and their bytes. */
  templates(call: Call): Promise<Map<TemplateId, number>>;
}

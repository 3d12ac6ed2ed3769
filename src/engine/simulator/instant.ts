// Templates of the simulator: two small texts in the place of the files of memory and of state, so
// that their damage and their absence can be tested.

import { createHash } from 'node:crypto';
import { failedForGood } from '../../domain/error.ts';
import type { TemplateId } from '../../domain/ids.ts';
import type {
  Instant,
  TemplateDigests,
  TemplateFiles,
  TemplateSpec,
  UsableTemplate,
} from '../optional/instant.ts';
import { durations, neverReady, type Pace, wait } from './pace.ts';
import {
  chainContent,
  type SimulatedTemplate,
  type State,
  type StateFile,
  storedBytes,
} from './state.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const digestsOf = ({ state, memory }: SimulatedTemplate): TemplateDigests => ({
  stateSha256: sha256(state),
  memorySha256: sha256(memory),
});

/**
 * Returns why a machine cannot start from the template, as the end of a sentence; null if it can.
 */
export function templateFault({ templates }: State, wanted: UsableTemplate): string | null {
  const found = templates[wanted.templateId];
  if (!found) return 'the files of its template are missing';
  const { stateSha256, memorySha256 } = digestsOf(found);
  if (stateSha256 !== wanted.stateSha256) return 'the state of its template is damaged';
  if (memorySha256 !== wanted.memorySha256) return 'the memory of its template is damaged';
  return found.cpus === wanted.cpus && found.memoryMb === wanted.memoryMb
    ? null
    : 'its template was made for another machine type';
}

export const instantIn = (
  file: StateFile,
  pace: Pace,
  versions: { fingerprint: string },
): Instant => ({
  fingerprint: async () => versions.fingerprint,
  async makeTemplate(spec: TemplateSpec, { signal }): Promise<TemplateFiles> {
    const { templateId, layerId, resultLayerId, sizeBytes, cpus, memoryMb, timeoutMs } = spec;
    const state = await file.current();
    if (!state.layers[layerId])
      throw failedForGood('The layer of this image is missing.', { detail: layerId });
    if (!state.templates[templateId] || !state.layers[resultLayerId]) {
      await wait(pace, durations.bootMs, signal);
      if (chainContent(state, layerId).join().includes(neverReady))
        throw failedForGood(`The machine was not ready within ${Math.round(timeoutMs / 1000)} s.`);
      // The layer is there before the files, so that files without their layer never exist.
      const content = [`written until ${templateId} was ready`];
      state.layers[resultLayerId] = { parent: layerId, content, virtualBytes: sizeBytes };
      const files = { state: `state of ${templateId}`, memory: `memory of ${templateId}` };
      state.templates[templateId] = { ...files, cpus, memoryMb };
      await file.save();
    }
    const made = state.templates[templateId];
    const layer = state.layers[resultLayerId];
    if (!made || !layer) throw failedForGood('The template was removed while it was made.');
    return {
      layer: { virtualBytes: sizeBytes, storedBytes: storedBytes(layer.content) },
      stateBytes: made.state.length,
      memoryBytes: made.memory.length,
      ...digestsOf(made),
    };
  },
  async digestTemplate({ templateId }) {
    const found = (await file.current()).templates[templateId];
    if (!found) throw failedForGood('A file of the template is missing.', { detail: templateId });
    return digestsOf(found);
  },
  async removeTemplate(templateId) {
    const state = await file.current();
    if (!(templateId in state.templates)) return;
    delete state.templates[templateId];
    await file.save();
  },
  async templates() {
    const { templates } = await file.current();
    const sizes = Object.entries(templates).map(([id, { state, memory }]): [TemplateId, number] => [
      id as TemplateId,
      state.length + memory.length,
    ]);
    return new Map(sizes);
  },
});

// The events of jobs. They are written in transactions that a job makes anyway: at the beginning of
// a step, and at its end.

import type { EventFacts } from '../domain/event.ts';
import type { ImageId, LayerId } from '../domain/ids.ts';
import type { Job } from '../domain/job.ts';
import type { EventSubjects } from '../store/port/event.ts';
import type { Writer } from '../store/port/unit-of-work.ts';

/** The things that a job changes. An export reads its image, and changes its transfer. */
export const subjectsOf = ({ kind, imageId, machineId, transferId }: Job): EventSubjects => ({
  imageIds: imageId === null || kind === 'imageExport' ? [] : [imageId],
  machineIds: machineId === null ? [] : [machineId],
  transferIds: transferId === null ? [] : [transferId],
});

/** The images that a damaged layer failed, and the organisations that have them, are told of it. */
export async function layerChanged(
  work: Writer,
  type: 'layer.damaged' | 'layer.healed',
  layerId: LayerId,
  imageIds: readonly ImageId[],
): Promise<void> {
  await work.events.add('changed', { imageIds });
  await work.events.addOfLayer(type, layerId, imageIds);
}

/** The progress of one attempt, from one step to the next. */
export class Progress {
  readonly #now: () => number;
  #phase: string;
  #done: number;
  #first: { done: number; at: number } | null = null;

  /** An attempt that goes on where the last one was tells nothing new. */
  constructor({ phase, progress }: Pick<Job, 'phase' | 'progress'>, now: () => number) {
    this.#phase = phase;
    this.#done = progress;
    this.#now = now;
  }

  /**
   * The facts of a step that begins; null when it is the step that was told last. How long the rest
   * takes is known from the second step on.
   */
  begins(phase: string, progress: number): EventFacts | null {
    const isSame = phase === this.#phase && progress === this.#done;
    this.#phase = phase;
    this.#done = progress;
    const first = this.#first ?? { done: progress, at: this.#now() };
    this.#first = first;
    if (isSame) return null;
    const passedMs = this.#now() - first.at;
    const share = progress - first.done;
    return {
      phase,
      progress,
      ...(share > 0 && { remainingMs: Math.round((passedMs / share) * (1 - progress)) }),
    };
  }
}

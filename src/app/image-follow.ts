// Following the log of an image: the events to begin after, and whether there is an end already.

import type { ImageId } from '../domain/ids.ts';
import type { ListedStep } from '../domain/image.ts';
import type { ReadContext } from './context.ts';

export interface Followed {
  /** The event to begin after; null: what happens next. */
  after: number | null;
  /** The status of an image that is made, or whose making has failed; null while it is made. */
  settled: string | null;
  /** The steps of a settled image, unless the follower has read some of its log. */
  steps: ListedStep[];
  report: string | null;
}

/** `after`: the last event that the follower has; null without one. Throws `not_found`. */
export async function imageFollow(
  { work }: ReadContext,
  id: ImageId,
  after: number | null,
): Promise<Followed> {
  // Read this first: the event of an end that comes later has a higher id.
  const newest = await work.events.newest();
  const { status, report } = await work.images.get(id);
  if (status === 'pending' || status === 'building') {
    const first = await work.events.firstLog(id);
    return {
      after: after ?? (first === undefined ? newest : first - 1),
      settled: null,
      steps: [],
      report: null,
    };
  }
  if (after !== null) return { after, settled: status, steps: [], report: null };
  // Its events are in the log. Some of them may not have been published, so they have no ids yet.
  return { after: null, settled: status, steps: await work.images.steps(id), report };
}

// Carries a plan out. What makes a thing has an idempotency key of what it makes and what was
// there, and not of how much or how, so that of two runs at once, or after a lost answer, one makes
// it.

import type { Client } from '../../client/client.ts';
import { ApiError } from '../../client/errors.ts';
import { UsageError } from '../parse.ts';
import { outcomesOf } from '../remote/each.ts';
import { follow, stateOf, type Waiting } from '../remote/follow.ts';
import { lookAtImage } from '../remote/settle.ts';
import { atOnce, keyOf, unlessConflict } from './at-once.ts';
import { assign, NewMachines } from './machines.ts';
import type { Now } from './now.ts';
import { lineOfStep, type Plan, type Step } from './plan.ts';

const perRequest = 100;
/** How often a kept answer may name an image that was deleted since. */
const triesMax = 10;

type StepOf<Kind> = Extract<Step, { kind: Kind }>;

export interface Result {
  done: Step[];
  failed: { step: Step; error: unknown }[];
}

const idIn = (noun: string, list: readonly { id: number; name: string }[], name: string) => {
  const found = list.find((one) => one.name === name);
  if (found) return found.id;
  throw new UsageError(`There is no ${noun} ${JSON.stringify(name)} any more.`, 'conflict');
};

const isGone = (error: unknown) => error instanceof ApiError && error.code === 'not_found';

export async function converge(
  client: Client,
  plan: Plan,
  now: Now,
  waiting: Waiting,
): Promise<Result> {
  const result: Result = { done: [], failed: [] };
  const imageIds = new Map(now.images.map((one) => [one.name, one.id]));
  const stepsOf = <Kind extends Step['kind']>(kind: Kind) =>
    plan.steps.filter((step): step is StepOf<Kind> => step.kind === kind);
  const builds = stepsOf('image');
  const made = await buildAll(client, builds, now, waiting);
  for (const [step, outcome] of made) {
    if ('id' in outcome) {
      imageIds.set(step.image.name, outcome.id);
      result.done.push(step);
    } else {
      // The steps below must not take an older image of this name for the one that was not made.
      imageIds.delete(step.image.name);
      result.failed.push({ step, error: outcome.error });
    }
  }
  const imageId = (name: string) => {
    const id = imageIds.get(name);
    if (id !== undefined) return id;
    throw new UsageError(`Image ${name} is not there, so this is left out.`, 'failed');
  };
  const attempt = async (step: Step, work: () => Promise<unknown>) => {
    try {
      await work();
      result.done.push(step);
    } catch (error) {
      result.failed.push({ step, error });
    }
  };
  const machines = new NewMachines(client, now);
  for (const step of stepsOf('create'))
    await attempt(step, () =>
      machines.make(step, step.image === null ? null : imageId(step.image)),
    );
  for (const step of stepsOf('assign'))
    await attempt(step, () =>
      assign(
        client,
        imageId(step.image),
        step.machines.map(({ id }) => id),
      ),
    );
  for (const step of stepsOf('protect'))
    await attempt(step, () =>
      client.imageProtect({ id: imageId(step.image), protected: step.protected }),
    );
  for (const step of stepsOf('delete'))
    await attempt(step, () => {
      imageId(step.image.name);
      return remove(client, step.image.id);
    });
  return result;
}

/** Begins all builds, and follows them together. */
async function buildAll(
  client: Client,
  builds: readonly StepOf<'image'>[],
  now: Now,
  waiting: Waiting,
): Promise<Map<StepOf<'image'>, { id: number } | { error: unknown }>> {
  const things = builds.map((step, at) => ({ id: at, name: step.image.name, step }));
  const begun = await outcomesOf(things, ({ id }) => begin(client, builds[id], now));
  const ids = new Map(
    begun.flatMap((one) => (one.ok ? [[one.result, builds[one.thing.id]] as const] : [])),
  );
  const last = await follow(waiting, {
    noun: 'image',
    subject: 'image',
    things: [...ids.keys()].map((id) => ({ id })),
    ask: (id, signal) => client.imageGet({ id }, { signal }),
    look: lookAtImage,
    watch: 'watch',
  });
  const outcomes = new Map<StepOf<'image'>, { id: number } | { error: unknown }>();
  for (const one of begun) {
    const step = builds[one.thing.id];
    if (step === undefined) continue;
    if (!one.ok) outcomes.set(step, { error: one.error });
    else
      outcomes.set(
        step,
        endOf(() => stateOf(last, one.result).attributes),
      );
  }
  return outcomes;
}

function endOf(state: () => { id: number; status: string; status_reason: string | null }) {
  try {
    const { id, status, status_reason: reason } = state();
    if (status === 'available') return { id };
    return { error: new UsageError(reason ?? `Image ${id} is ${status}.`, 'failed') };
  } catch (error) {
    return { error };
  }
}

/** Asks for the image; resolves to its id. */
async function begin(client: Client, step: StepOf<'image'> | undefined, now: Now): Promise<number> {
  if (step === undefined) throw new UsageError('There is nothing to build.', 'failed');
  if (step.existing !== null) return step.existing;
  const { name, base, software } = step.image;
  const input = {
    name,
    ...(base !== null && { base_image_id: idIn('base image', now.bases, base) }),
    ...(software.length > 0 && {
      software_ids: software.map((one) => idIn('software', now.software, one)),
    }),
  };
  for (let tries = 0; tries < triesMax; tries++) {
    const idempotencyKey = await keyOf('image', name, step.replaces, tries);
    const image = await client.imageInstall(input, { idempotencyKey }).catch(unlessConflict);
    if (image === null) {
      if (await isMadeByAnother(client, name, now)) throw atOnce(`image ${name}`);
      continue;
    }
    const { id } = image.attributes;
    // An answer that was kept may be that of an image which failed or was deleted since.
    const found = await client.imageGet({ id }).catch((error: unknown) => {
      if (isGone(error)) return null;
      throw error;
    });
    if (found !== null && id !== step.replaces && found.attributes.status !== 'failed') return id;
  }
  throw new UsageError(`Image ${name} was made and deleted again too often.`, 'conflict');
}

async function isMadeByAnother(client: Client, name: string, now: Now): Promise<boolean> {
  const { images } = await client.imageList({ q: name, per_page: perRequest });
  const known = new Set(now.images.map(({ id }) => id));
  return images.some(
    ({ attributes: one }) => one.name === name && !known.has(one.id) && one.status !== 'failed',
  );
}

/** Another run may have deleted it already. */
async function remove(client: Client, id: number): Promise<void> {
  try {
    await client.imageProtect({ id, protected: false });
    await client.imageDelete({ id });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** The failures, a line each. */
export async function failuresOf({ failed }: Result): Promise<string[]> {
  const { problemOf } = await import('../explain.ts');
  return failed.map(
    ({ step, error }) => `${lineOfStep(step).replace(/^[+~-] +/, '')}: ${problemOf(error).message}`,
  );
}

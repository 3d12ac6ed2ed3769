// Forgets rows by their age: the output of old builds, and the rows of machines and images that
// were deleted long ago and that nothing needs. Each run does so much and no more, in transactions
// that other writers hardly wait for, and says in the log how much it forgot.

import type { Reader, Writer } from '../store/port/unit-of-work.ts';
import type { TaskContext } from './task.ts';

/** So many things are forgotten in one transaction, and so many transactions are one run. */
const portion = 500;
const roundsMax = 20;

interface Kind {
  what: string;
  /** The ids of the oldest things whose time is over, looked up by an index. */
  find(work: Reader, before: number): Promise<readonly number[]>;
  /** Forgets those of them that are still to go. Returns how much it was. */
  forget(work: Writer, ids: readonly number[], before: number): Promise<number>;
}

const output: Kind = {
  what: 'build steps lost their output',
  async find({ images }, before) {
    const found = await images.printed(portion);
    return found.filter(({ createdAt }) => createdAt < before).map(({ id }) => id);
  },
  forget: ({ images }, ids) => images.dropOutput(ids as never),
};
// Machines go first, because an image stays while a machine names it.
const machines: Kind = {
  what: 'deleted machines are forgotten',
  find: (work, before) => work.machines.forgettable(before, portion),
  forget: (work, ids, before) => work.machines.forget(ids as never, before),
};
const images: Kind = {
  what: 'deleted images are forgotten',
  find: (work, before) => work.images.forgettable(before, portion),
  forget: (work, ids, before) => work.images.forget(ids as never, before),
};

export async function forgetRows(context: TaskContext): Promise<void> {
  const { settings } = context;
  await forget(context, output, settings.outputKeptMs);
  await forget(context, machines, settings.deletedKeptMs);
  await forget(context, images, settings.deletedKeptMs);
}

async function forget(
  { store, guard, log, signal }: TaskContext,
  { what, ...kind }: Kind,
  keptMs: number,
): Promise<void> {
  let count = 0;
  for (let rounds = 0; rounds < roundsMax; rounds++) {
    signal.throwIfAborted();
    const { before, ids } = await store.read('system', async (work) => {
      const over = await guard.look(work);
      const until = over === null ? null : over - keptMs;
      return { before: until, ids: until === null ? [] : await kind.find(work, until) };
    });
    if (before === null || ids.length === 0) break;
    count += await store.write('system', (work) => kind.forget(work, ids, before));
    if (ids.length < portion) break;
  }
  if (count > 0) log.info({ count }, what);
}

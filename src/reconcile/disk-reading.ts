// Shared by the tasks that read disks: an error that may pass is tried again a few times, and any
// other one is the reason why there is no result. A result is kept packed.

import { AppError } from '../domain/error.ts';
import type { LayerId } from '../domain/ids.ts';
import { packText } from '../lib/packed.ts';
import type { Reader } from '../store/port/unit-of-work.ts';
import type { TaskContext } from './task.ts';

/** An error that may pass counts as final after so many attempts. */
const attemptsMax = 5;

interface Reading<Result> {
  result: Result | null;
  state: 'wanted' | 'listed' | 'unread';
  reason: string | null;
  attempts: number;
  /** As JSON, packed with gzip, in base64. */
  content: string | null;
}

/** The layers of a chain; none when it is gone. */
export const chainOf = async (work: Reader, id: LayerId): Promise<LayerId[]> =>
  (await work.layers.find(id)) ? (await work.layers.chain(id)).map((layer) => layer.id) : [];

/** Runs a reading once. Throws the reason of the task's signal. */
export async function readOnce<Result>(
  { signal, log }: Pick<TaskContext, 'signal' | 'log'>,
  attempts: number,
  read: () => Promise<Result>,
): Promise<Reading<Result>> {
  try {
    const result = await read();
    const content = await packText(JSON.stringify(result));
    return { result, state: 'listed', reason: null, attempts, content };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) log.error({ err: error }, 'the reading of a disk failed');
    const reason = error instanceof AppError ? error.message : 'The disk could not be read.';
    const mayPass = error instanceof AppError && error.retry === 'later' && attempts < attemptsMax;
    const state = mayPass ? 'wanted' : 'unread';
    return { result: null, state, reason, attempts, content: null };
  }
}

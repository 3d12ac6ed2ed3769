// Shared by the tasks that read disks: an error that may pass is tried again a few times, and any
// other one is the reason why there is no result. A result is kept packed.

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AppError } from '../domain/error.ts';
import type { TaskContext } from './task.ts';

/** An error that may pass counts as final after so many attempts. */
const attemptsMax = 5;
const pack = promisify(gzip);

interface Reading<Result> {
  result: Result | null;
  state: 'wanted' | 'listed' | 'unread';
  reason: string | null;
  attempts: number;
  /** As JSON, packed with gzip, in base64. */
  content: string | null;
}

/** Runs a reading once. Throws the reason of the task's signal. */
export async function readOnce<Result>(
  { signal, log }: Pick<TaskContext, 'signal' | 'log'>,
  attempts: number,
  read: () => Promise<Result>,
): Promise<Reading<Result>> {
  try {
    const result = await read();
    const content = (await pack(JSON.stringify(result))).toString('base64');
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

// Translates SQLite's errors into errors for callers.

import { AppError } from '../../domain/error.ts';

/** The primary result codes of SQLite that we tell apart. */
export const resultCodes = {
  ...{
    busy: 5,
    locked: 6,
    noMemory: 7,
    readOnly: 8,
    interrupted: 9,
    ioError: 10,
    corrupt: 11,
    full: 13,
    cannotOpen: 14,
  },
  ...{ lockingProtocol: 15, notADatabase: 26 },
} as const;

/** The primary result code of an error of SQLite; undefined for any other error. */
export function resultCodeOf(error: unknown): number | undefined {
  const extended = (error as { errcode?: number }).errcode;
  return extended === undefined ? undefined : extended & 0xff;
}

const damagedOrFailing =
  'The store cannot be read: its disk fails, or it is damaged. Nothing was changed. Look at the disk, and start the server again, which reads all of it.';

/**
 * Errors that may pass, or that an operator can mend, so that the same request may be sent again. A
 * failing disk may have written something or not; data that is read from it can look damaged.
 */
const passing: Record<number, string> = {
  [resultCodes.busy]: 'The store is busy; nothing was changed. Try again.',
  [resultCodes.locked]: 'The store is busy; nothing was changed. Try again.',
  [resultCodes.lockingProtocol]: 'The store is busy; nothing was changed. Try again.',
  [resultCodes.interrupted]: 'The store was interrupted; nothing was changed. Try again.',
  [resultCodes.noMemory]: 'The host has no memory left; nothing was changed. Try again later.',
  [resultCodes.full]:
    'The disk of the store is full; nothing was changed. Free some space and try again.',
  [resultCodes.readOnly]:
    'The store cannot be written; nothing was changed. Make its disk writable and try again.',
  [resultCodes.cannotOpen]:
    'The files of the store cannot be opened; nothing was changed. Try again later.',
  [resultCodes.corrupt]: damagedOrFailing,
  [resultCodes.notADatabase]: damagedOrFailing,
  [resultCodes.ioError]:
    'The disk of the store failed, so this is not acknowledged. Look at the disk, and try again.',
};

/** The AppError for one of SQLite's errors that may pass; null for every other error. */
export function passingError(error: unknown): AppError | null {
  const message = passing[resultCodeOf(error ?? {}) ?? 0];
  if (message === undefined) return null;
  const detail = String(error);
  return new AppError('unavailable', message, { detail, cause: error, retry: 'later' });
}

/** Runs something, and turns SQLite's errors into AppErrors; other errors pass as they are. */
export async function translated<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (resultCodeOf(error) === undefined) throw error;
    const detail = String(error);
    throw (
      passingError(error) ??
      new AppError('internal', 'The store failed; nothing was changed.', { detail, cause: error })
    );
  }
}

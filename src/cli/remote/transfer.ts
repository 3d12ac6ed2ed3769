// Shared by export and import: the files on this host.

import { stat } from 'node:fs/promises';
import { mb } from '../output.ts';
import type { Look } from './followed.ts';

/** Once the last byte is here, the server works on it, until it has decided. */
export const lookAtTransfer = ({ status }: { status: string }): Look => ({
  status,
  phase: null,
  done: null,
  isOver: status !== 'building',
});

/** How much of a file is done, for a progress line. */
export const share = (done: number, total: number): string =>
  `${Math.floor((done / total) * 100)} % of ${mb(total)} MB`;

/** The size in bytes; null for a file that does not exist. */
export const sizeOf = async (path: string): Promise<number | null> =>
  (await stat(path).catch(() => null))?.size ?? null;

/**
 * The SHA-256 of a file, in hexadecimal. Loads what computes it, which other commands do without.
 */
export const digestOf = async (path: string): Promise<string> =>
  (await import('../../lib/files.ts')).sha256File(path);

// An upload: a file that an operator sends over the operator's API, such as the disk of a base,
// before anything is made of it. Its digest is its id, so the same file is sent once and can be
// resumed.

import type { UploadId } from './ids.ts';

export interface Upload {
  /** SHA-256 of the whole file, as lower-case hex. */
  id: UploadId;
  /** The size of the whole file. */
  bytes: number;
  receivedBytes: number;
  createdAt: number;
  /** From when on it may be removed. */
  expiresAt: number;
}

export const uploadMs = 24 * 3600_000;
export const openUploadsMax = 250;

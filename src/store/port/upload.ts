// Uploads of operators. They belong to no organisation, so the scope does not matter here.

import type { UploadId } from '../../domain/ids.ts';
import type { Upload } from '../../domain/upload.ts';

export interface UploadReader {
  /** Undefined when there is none. */
  find(id: UploadId): Promise<Upload | undefined>;
  /** Like `find`, but throws not-found. */
  get(id: UploadId): Promise<Upload>;
  /** All uploads, newest first. */
  list(): Promise<Upload[]>;
}

export interface UploadWriter extends UploadReader {
  /** Throws `internal` when there is one of that id. */
  add(upload: Pick<Upload, 'id' | 'bytes' | 'expiresAt'>): Promise<Upload>;
  /** Does nothing when there is no such upload. */
  update(id: UploadId, change: Partial<Pick<Upload, 'receivedBytes' | 'expiresAt'>>): Promise<void>;
  /** Idempotent. */
  remove(id: UploadId): Promise<void>;
}

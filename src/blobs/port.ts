// Keeps the bytes of transfers: an upload until an image is made of it, an export until it is
// downloaded or expires; and those that operators send, until a base or a title has them. The
// application writes the parts of an upload, the reconciler writes exports and reads uploads, and
// HTTP reads exports. No code outside of blobs/ knows where the bytes lie.
//
// Nothing here belongs in a transaction of the store: bytes are written before the transaction that
// records them, and are removed after the transaction that gave them up.

import type { TransferId, UploadId } from '../domain/ids.ts';
import type { Content, Sink } from '../lib/content.ts';

/** The id of a transfer, or of an upload of an operator. */
export type BlobId = TransferId | UploadId;

export interface Blobs {
  /**
   * Writes a part of an upload. The part at offset 0 replaces the blob. Durable when it
   * resolves, and idempotent: the same part again leaves the same bytes. Two parts of one transfer
   * must not be written side by side. Throws `unavailable` when there is no room for the part, and
   * `not_found` when the part is not the first and the blob was removed.
   */
  writePart(id: BlobId, offset: number, part: Buffer): Promise<void>;
  /** Returns the bytes of a blob as they are now. Throws `not_found` when there are none. */
  read(id: BlobId): Promise<Content>;
  /** Returns the sink that an export is written to. An existing blob is replaced. */
  sink(id: BlobId): Sink;
  /** Removes a blob and the remains of an unfinished write. Idempotent. */
  remove(id: BlobId): Promise<void>;
  /** Returns the ids of all blobs, including blobs with only an unfinished write. */
  list(): Promise<BlobId[]>;
}

// Transfers: images on their way out and in. A deleted transfer is hidden at once; its row stays
// until the collector has removed its file.

import type { TransferId } from '../../domain/ids.ts';
import type { Transfer } from '../../domain/transfer.ts';
import type { PageFound } from './page.ts';

export type TransferChange = Partial<
  Pick<
    Transfer,
    | 'status'
    | 'statusReason'
    | 'imageId'
    | 'bytes'
    | 'heldBytes'
    | 'receivedBytes'
    | 'sha256'
    | 'manifest'
    | 'signature'
    | 'attestation'
    | 'expiresAt'
  >
>;

/** Where a transfer is in the list, also when it is not there any more. */
export type TransferPlace = Pick<Transfer, 'createdAt' | 'id'>;

export interface TransferReader {
  /** Undefined when there is none in this scope, or it is deleted. */
  find(id: TransferId): Promise<Transfer | undefined>;
  /** Like `find`, but throws not-found. */
  get(id: TransferId): Promise<Transfer>;
  /** All transfers that are not deleted, newest first. */
  list(): Promise<Transfer[]>;
  /** At most so many of them, newest first: the first, or those that follow a place. */
  page(page: {
    perPage: number;
    before?: TransferPlace | undefined;
  }): Promise<{ transfers: Transfer[] } & PageFound>;
  /** The ids of those that are deleted and whose row is still there. */
  deleted(): Promise<TransferId[]>;
}

export interface TransferWriter extends TransferReader {
  add(transfer: Omit<Transfer, 'createdAt' | 'statusReason'>): Promise<Transfer>;
  /** Does nothing when there is no such transfer in this scope. */
  update(id: TransferId, change: TransferChange): Promise<void>;
  /** Hides a transfer. */
  delete(id: TransferId): Promise<void>;
  /** Removes a row, whose file is gone. Idempotent. */
  remove(id: TransferId): Promise<void>;
}

// The audit trail: one entry for each change that a caller made or tried to make over the API.

import type { ImageId, KeyId, MachineId, TransferId, WebhookId } from './ids.ts';

export interface AuditEntry {
  id: number;
  /** The key that signed the request. */
  keyId: KeyId;
  /** The operation, such as `imageCapture`. */
  action: string;
  imageId: ImageId | null;
  machineId: MachineId | null;
  transferId: TransferId | null;
  /** The key that was made, replaced or revoked. */
  touchedKeyId: KeyId | null;
  webhookId: WebhookId | null;
  requestId: string;
  /** 200, or the client code with which the request was refused. */
  clientCode: number;
  /** Where the caller came from, and how long it stayed, where that is known. */
  address: string | null;
  durationMs: number | null;
  createdAt: number;
}

/**
 * The things that a request changed. The audit trail gets one entry for each machine, or a single
 * entry without a machine when there is none.
 */
export interface Touched {
  imageId?: ImageId | null;
  machineIds?: readonly MachineId[];
  transferId?: TransferId | null;
  touchedKeyId?: KeyId | null;
  webhookId?: WebhookId | null;
  /** The change is one of very many, so no event is written for it. */
  isMinor?: boolean;
}

// An operation: one durable piece of work that a request asked for and the reconciler makes true.

import type { ImageId, MachineId, OperationId, OrganisationId } from './ids.ts';

export const operationKinds = [
  'imageCapture',
  'imageExport',
  'imageImport',
  'imageInstall',
  'layerCompact',
  'machineStart',
  'machineStop',
] as const;
export type OperationKind = (typeof operationKinds)[number];

/** `cancelled`: the image it worked for was deleted before it began. */
export type OperationState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface Operation {
  id: OperationId;
  kind: OperationKind;
  organisationId: OrganisationId;
  imageId: ImageId | null;
  machineId: MachineId | null;
  state: OperationState;
  /** What it is doing, for people. */
  phase: string;
  /** 0 to 1. */
  progress: number;
  attempts: number;
  /** Not to be claimed before this time, ms since 1970. */
  notBefore: number;
  leaseOwner: string | null;
  leaseUntil: number | null;
  reason: string | null;
  /** What the operation has to remember between attempts: the ids it chose. */
  data: Record<string, string | number | boolean>;
  createdAt: number;
  updatedAt: number;
}

/** The ids that operations have chosen: what they name may be there before the store has its row. */
export const idsBegun = (open: readonly Operation[]): Set<string> =>
  new Set(open.flatMap(({ data }) => Object.values(data).map(String)));

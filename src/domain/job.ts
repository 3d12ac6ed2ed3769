// A job: one durable piece of work that a request asked for and the reconciler makes true.

import type { ImageId, JobId, MachineId, OrganisationId } from './ids.ts';

export const jobKinds = [
  'imageCapture',
  'imageExport',
  'imageImport',
  'imageInstall',
  'layerCompact',
  'machineStart',
  'machineStop',
] as const;
export type JobKind = (typeof jobKinds)[number];

/** `cancelled`: the image it worked for was deleted before it began. */
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface Job {
  id: JobId;
  kind: JobKind;
  organisationId: OrganisationId;
  imageId: ImageId | null;
  machineId: MachineId | null;
  state: JobState;
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
  /** What the job has to remember between attempts: the ids it chose. */
  data: Record<string, string | number | boolean>;
  createdAt: number;
  updatedAt: number;
}

/** The ids that jobs have chosen: what they name may be there before the store has its row. */
export const idsBegun = (open: readonly Job[]): Set<string> =>
  new Set(open.flatMap(({ data }) => Object.values(data).map(String)));

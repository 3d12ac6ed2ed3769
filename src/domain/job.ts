// A job: one durable piece of work that the reconciler makes true. A request or a task writes it;
// a server claims it under a lease. This file is the union of its kinds: a new kind begins with a
// row here.

import type { Firmware } from './boot.ts';
import type { Freeze } from './host.ts';
import type {
  ImageId,
  JobId,
  LayerId,
  MachineId,
  OrganisationId,
  TemplateId,
  TransferId,
} from './ids.ts';
import type { ExportCompression } from './transfer.ts';

interface KindOfJob {
  /**
   * How many run at once unless the operator says otherwise. Where there are several organisations,
   * one of several is left to an organisation that has none, because a job may take long.
   */
  limit: number;
  /** The freeze under which none is claimed, because it changes files that a backup copies. */
  blockedBy: Freeze | null;
  /** Whether it counts towards the organisation's quota of builds. */
  countsAsBuild: boolean;
  /** Whether what it writes belongs to its organisation, and so counts towards its quota. */
  ownsResult: boolean;
}

export const jobKinds = {
  imageCapture: { limit: 4, blockedBy: 'disks', countsAsBuild: true, ownsResult: true },
  imageExport: { limit: 3, blockedBy: null, countsAsBuild: false, ownsResult: true },
  imageImport: { limit: 3, blockedBy: 'layers', countsAsBuild: true, ownsResult: true },
  imageInstall: { limit: 3, blockedBy: null, countsAsBuild: true, ownsResult: false },
  // All of its steps are in the build cache, so it needs no build machine and waits for none.
  imageReuse: { limit: 8, blockedBy: null, countsAsBuild: true, ownsResult: false },
  layerCompact: { limit: 1, blockedBy: 'layers', countsAsBuild: false, ownsResult: false },
  machineStart: { limit: 8, blockedBy: null, countsAsBuild: false, ownsResult: true },
  // One at a time, and after the work that users wait for.
  templateMake: { limit: 1, blockedBy: null, countsAsBuild: false, ownsResult: false },
  machineStop: { limit: 16, blockedBy: null, countsAsBuild: false, ownsResult: true },
} as const satisfies Record<string, KindOfJob>;

export type JobKind = keyof typeof jobKinds;
export const jobKindNames = Object.keys(jobKinds) as JobKind[];

/** The data that each kind stores beside the ids of its subject, at its creation or later. */
interface JobData {
  imageCapture: { generalize?: boolean };
  imageExport: { compression?: ExportCompression };
  imageImport: {
    /** The name of the disk in an archive. */
    disk?: string;
    /** Whether a machine is started on it once before the image is available. */
    bootCheck?: boolean;
    /** Of a root that stands alone; absent: as its disk or its manifest says. */
    firmware?: Firmware;
    tpm?: boolean;
  };
  /** `refresh`: steps that reach the network are made anew. */
  imageInstall: { refresh?: boolean };
  imageReuse: { refresh?: boolean };
  layerCompact: {
    /** The layer's digest before the rewrite. */
    digest?: string;
    /** A failed attempt left the bytes as they were, so that the digest still holds. */
    unchanged?: boolean;
  };
  machineStart: {
    /** Why a start from memory failed, so that the next attempt boots. */
    cold?: string;
  };
  machineStop: { gracefully?: boolean };
  templateMake: { templateId?: TemplateId };
}

/** The request that asked for a job. */
interface Origin {
  requestId: string;
  /** The span of the request, when it is traced; see `lib/trace.ts`. */
  traceparent?: string;
}

/** `cancelled`: its image was cancelled, or was deleted before the job began. */
type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** The states of a job that is not over. */
export const openJobStates = ['queued', 'running'] as const satisfies readonly JobState[];

export const isOpen = ({ state }: Pick<Job, 'state'>): boolean =>
  openJobStates.some((one) => one === state);

/**
 * The things that a job works on. The store has at most one open job for each image and each
 * machine.
 */
export interface JobSubject {
  imageId: ImageId | null;
  machineId: MachineId | null;
  transferId: TransferId | null;
  /** The layer that is compacted, healed by an import, or booted for a template. */
  layerId: LayerId | null;
}

export interface Job<Kind extends JobKind = JobKind> extends JobSubject {
  id: JobId;
  kind: Kind;
  organisationId: OrganisationId;
  state: JobState;
  /** The current step of the job, as text for people. */
  phase: string;
  /** 0 to 1. */
  progress: number;
  /** How often it was claimed. */
  attempts: number;
  /** How often it failed and was tried again. */
  failures: number;
  /** The job is not claimed before this time, ms since 1970. */
  notBefore: number;
  leaseOwner: string | null;
  leaseUntil: number | null;
  /** Since when it is to end without a result; its owner ends it. */
  cancelRequestedAt: number | null;
  reason: string | null;
  /** The bytes that it may still write. */
  reservedBytes: number;
  /** The size of the guest that it boots; 0 for none. */
  memoryMb: number;
  cpus: number;
  /** With the request that asked for it; without one when no request did. */
  data: JobData[Kind] & { origin?: Origin };
  createdAt: number;
  updatedAt: number;
}

/** A job to be queued. */
export type NewJob = {
  [Kind in JobKind]: {
    kind: Kind;
    organisationId: OrganisationId;
    data?: JobData[Kind];
    origin?: Origin;
  } & Partial<JobSubject> &
    Partial<Pick<Job, 'reservedBytes' | 'memoryMb' | 'cpus'>>;
}[JobKind];

/**
 * An id that an open job chose for a thing it makes, stored before the thing is made. The thing may
 * exist at the engine before the store has its row.
 */
export interface Begun {
  jobId: JobId;
  /** The purpose of the id, such as `layer` or `disk`; a job has one id for each name. */
  name: string;
  id: string;
}

/** The kinds whose rows have something in common, such as the freeze that blocks them. */
export const jobKindsThat = (isOne: (kind: KindOfJob) => boolean): JobKind[] =>
  jobKindNames.filter((name) => isOne(jobKinds[name]));

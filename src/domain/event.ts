// An event: something that happened to a thing of one organisation. It is written in the transaction
// of the change that it tells of, with the state that the thing has at the end of that transaction.
// An event is small and holds no secret; who needs more reads the thing.

import type { OrganisationId } from './ids.ts';

/**
 * `changed`: a request or the reconciler changed the thing. `progress`: a job works on it. `log`: a
 * build has printed something. `damaged`, `healed`: of a layer on which the organisation has images.
 * `low`, `recovered`: of the room on the host's disk.
 */
const eventTypes = [
  'image.changed',
  'image.progress',
  'image.log',
  'machine.changed',
  'machine.progress',
  'transfer.changed',
  'transfer.progress',
  'layer.damaged',
  'layer.healed',
  'host.low',
  'host.recovered',
] as const;

export type EventType = (typeof eventTypes)[number];

/** What an event tells beside the state of its subject; a fact that does not apply is absent. */
export interface EventFacts {
  /** The operation and the id of the request that made the change. */
  operation?: string;
  requestId?: string;
  /** The step that a job has begun, and how much of the job is done, 0 to 1. */
  phase?: string;
  progress?: number;
  /** How long the rest takes when it goes on as fast as until now, in ms. */
  remainingMs?: number;
  /** Why a job has to be tried again. */
  waitsBecause?: string;
  /** Of a log: the step of the build, its software, and the lines that it printed. */
  position?: number;
  software?: string;
  lines?: string[];
  /** At the end of a step: whether its layer was found, and the exit status of its recipe. */
  cache?: 'hit' | 'miss';
  exitCode?: number | null;
}

export interface FleetEvent {
  /** Events are read in the order of their ids. */
  id: number;
  organisationId: OrganisationId;
  type: EventType;
  /** The id of the thing; empty for the host. */
  subject: string;
  /** The thing's status; `deleted` when it is gone. Null where it has none. */
  status: string | null;
  /** The beginning of the reason for the status; null when there is none. */
  reason: string | null;
  /** How much of a transfer's file is here, and how large it is; null for other things. */
  bytes: number | null;
  bytesTotal: number | null;
  facts: EventFacts;
  createdAt: number;
}

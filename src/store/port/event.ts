// The events: an outbox that is written in the transaction of each change, and read in an order in
// which no event appears before another one that was there already. A reader that remembers the id
// of the last event that it has read misses none.

import type { EventFacts, EventFilter, FleetEvent } from '../../domain/event.ts';
import type { ImageId, LayerId, MachineId, TransferId } from '../../domain/ids.ts';

/** The things that an event is written for. */
export interface EventSubjects {
  imageIds?: readonly ImageId[];
  machineIds?: readonly MachineId[];
  transferIds?: readonly TransferId[];
}

export interface EventReader {
  /** The events after an id, in order, that pass the filter; at most `limit`. */
  after(id: number, limit: number, filter?: EventFilter): Promise<FleetEvent[]>;
  /** The id of the first log (`image.log`) of an image; undefined when it has none. */
  firstLog(imageId: ImageId): Promise<number | undefined>;
  /** The newest logs (`image.log`) of an image, in order; at most `limit`. */
  lastLogs(imageId: ImageId, limit: number): Promise<FleetEvent[]>;
  /** The id of the newest event, also of one that was forgotten; 0 when there was none. */
  newest(): Promise<number>;
  /** The id of the newest event that was forgotten; 0 when none was. */
  forgotten(): Promise<number>;
  /** Whether the oldest event is from before a time. */
  hasBefore(time: number): Promise<boolean>;
  /** Whether the organisation of the scope has more events than so many. */
  hasMoreThan(rows: number): Promise<boolean>;
}

export interface EventWriter extends EventReader {
  /**
   * Adds an event for each of the things that is in this scope, with the state that the thing has
   * in this transaction. One statement, however many things there are; none for no things.
   */
  add(what: 'changed' | 'progress', subjects: EventSubjects, facts?: EventFacts): Promise<void>;
  /** Adds an `image.log`. Does nothing when there is no such image in this scope. */
  addLog(imageId: ImageId, facts: EventFacts): Promise<void>;
  /** Adds one event about a layer for each organisation that has one of the images. */
  addOfLayer(
    type: 'layer.damaged' | 'layer.healed',
    layerId: LayerId,
    imageIds: readonly ImageId[],
  ): Promise<void>;
  /** Adds one event about the host for each organisation. */
  addOfHost(type: 'host.low' | 'host.recovered'): Promise<void>;
  /**
   * Forgets the oldest events, as far as they are from before a time, but only so many that other
   * writers do not wait long. Call it again for the rest.
   */
  prune(before: number): Promise<void>;
  /**
   * Forgets all events, and gives ids from now on that are higher than any that was given. For a
   * store that was brought back from a backup: a listener may have an id from after the backup, and
   * is told then that events are lost.
   */
  beginAnew(): Promise<void>;
  /** Like `prune`: the oldest events beyond so many of the organisation of the scope. */
  pruneBeyond(rows: number): Promise<void>;
}

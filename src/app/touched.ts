// The record of the things that a request touched. The application names them for each request;
// they are never guessed from a request's JSON. `recordTouched` is the one place where it is
// written, to the audit trail and to the events, in the same transaction. A refusal changes
// nothing, so it has an entry in the trail and no event.

import type { Touched } from '../domain/audit.ts';
import type { KeyId } from '../domain/ids.ts';
import type { AuditWriter } from '../store/port/audit.ts';
import type { EventWriter } from '../store/port/event.ts';

/** A request that was to change something, and its outcome. */
interface Action {
  keyId: KeyId;
  /** The name of the operation. */
  name: string;
  requestId: string;
  /** 200, or the client_code of the refusal. */
  clientCode: number;
  /** Where the caller came from, and how long it stayed, of one that looked at a machine. */
  address?: string;
  durationMs?: number;
}

/** Collects the things that a change touches. */
export class TouchedList {
  #all: Touched = {};

  add(what: Touched): void {
    const machineIds = [...(this.#all.machineIds ?? []), ...(what.machineIds ?? [])];
    this.#all = { ...this.#all, ...what, ...(machineIds.length > 0 && { machineIds }) };
  }

  /** Throws `TypeError` when nothing was touched, because each change must name its things. */
  taken(name: string): Touched {
    if (Object.keys(this.#all).length === 0)
      throw new TypeError(`${name} changed something and did not say what it touched`);
    return this.#all;
  }
}

/** Writes an action and the things it touched, within the transaction of `work`. */
export async function recordTouched(
  work: { audit: AuditWriter; events: EventWriter },
  { name, ...action }: Action,
  { isMinor = false, ...touched }: Touched,
): Promise<void> {
  const { requestId, clientCode } = action;
  await work.audit.add({ ...action, action: name, ...touched });
  if (clientCode !== 200 || isMinor) return;
  const { imageId, machineIds = [], transferId } = touched;
  const subjects = {
    imageIds: imageId == null ? [] : [imageId],
    machineIds,
    transferIds: transferId == null ? [] : [transferId],
  };
  await work.events.add('changed', subjects, { operation: name, requestId });
}

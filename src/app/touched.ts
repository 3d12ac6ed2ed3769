// The record of the things that a request touched. The application names them for each request;
// they are never guessed from a request's JSON. `recordTouched` is the one place where it is
// written: to the audit trail now, and later to the events, in the same transaction.

import type { Touched } from '../domain/audit.ts';
import type { KeyId } from '../domain/ids.ts';
import type { AuditWriter } from '../store/port/audit.ts';

/** A request that was to change something, and its outcome. */
interface Action {
  keyId: KeyId;
  /** The name of the operation. */
  name: string;
  requestId: string;
  /** 200, or the client_code of the refusal. */
  clientCode: number;
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
  work: { audit: AuditWriter },
  { keyId, name, requestId, clientCode }: Action,
  touched: Touched,
): Promise<void> {
  await work.audit.add({ keyId, action: name, requestId, clientCode, ...touched });
}

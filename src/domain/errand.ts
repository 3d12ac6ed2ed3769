// An errand: work of an operator's request that takes longer than a request may. The server that
// took the request does it; its state is kept for the key that asked, for a day.

import type { ErrorCode } from './error.ts';
import type { ErrandId } from './ids.ts';

export interface Errand {
  id: ErrandId;
  /** As in the trail, such as `baseAdd`. */
  action: string;
  status: 'running' | 'done' | 'failed';
  /** The step that it does now, for people; null before the first. */
  phase: string | null;
  /** Why it failed; null otherwise. */
  failure: { code: ErrorCode; message: string } | null;
  /** The fields of its result, as they are sent; null until it is done. */
  result: object | null;
  begunAt: number;
  /** When its server last said that it goes on. */
  seenAt: number;
}

/** So many run at once on one server. */
export const errandsMax = 8;
/** How often a server says that an errand goes on, */
export const errandBeatMs = 2000;
/** and for how long without that an errand counts as running. */
export const errandLostMs = 60_000;
/** The most of a result, as JSON. */
export const errandResultBytesMax = 16 * 1024 ** 2;

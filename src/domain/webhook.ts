// A webhook: an address of an organisation that is told of its events. Each event is a delivery,
// which is tried for a day.

import { invalid } from './error.ts';
import { isEventType } from './event.ts';
import { type EventType, eventTypes } from './event-type.ts';
import type { OrganisationId, WebhookId } from './ids.ts';

export interface Webhook {
  id: WebhookId;
  organisationId: OrganisationId;
  url: string;
  /** The types of events that it is told of. */
  types: EventType[];
  /** The secret that signs deliveries, encrypted with the master key. */
  secretSealed: string;
  /** The secret before this one, which signs deliveries too until a time; null: there is none. */
  oldSecretSealed: string | null;
  oldSecretUntil: number | null;
  /** The id of the last event that it has deliveries of. */
  afterId: number;
  /**
   * When it was made, until it has passed the first events after that: of those, it is not told of
   * earlier ones. A clock may go back, so its later events are not compared with a time.
   */
  startsAt: number | null;
  /** Since when it is told of nothing; null when it is. */
  pausedAt: number | null;
  createdAt: number;
}

/** How many deliveries of a webhook wait, and how many are dead. */
export interface DeliveryCounts {
  waiting: number;
  dead: number;
}

/** `dead`: it was tried for a day, or its receiver is gone; it is sent again by hand. */
export type DeliveryState = 'waiting' | 'delivered' | 'dead';

export interface Delivery {
  /** Deliveries of one subject are sent in the order of their ids. */
  id: number;
  webhookId: WebhookId;
  organisationId: OrganisationId;
  /** The thing, such as `image:5`; `ping` for a ping. */
  subject: string;
  type: string;
  /** The JSON that is sent. */
  body: string;
  state: DeliveryState;
  attempts: number;
  /** It is not tried before this time. */
  nextAt: number;
  /** What the last attempt was answered; null before the first. */
  answer: string | null;
  createdAt: number;
  endedAt: number | null;
}

export const webhooksMax = 20;
const urlLengthMax = 2000;

/** Events that come often are told to webhooks only where they are named. */
const seldom = eventTypes.filter((type) => !/\.(progress|log)$/.test(type));

/** Reads a list of types; without one, all that do not come often. Throws `invalid`. */
export function parseWebhookTypes(given: readonly string[] | undefined): EventType[] {
  if (given === undefined) return seldom;
  const types = [...new Set(given)];
  return types.map((type) => {
    if (isEventType(type)) return type;
    throw invalid(
      `types has ${JSON.stringify(type.slice(0, 40))}; it may have: ${eventTypes.join(', ')}.`,
    );
  });
}

/**
 * Reads the address of a webhook. Throws `invalid`. The address is checked again when it is asked.
 */
export function parseWebhookUrl(text: string): string {
  const url = text.length <= urlLengthMax && URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw invalid(
      `url must be an address such as https://example.org/hook, of at most ${urlLengthMax} characters.`,
    );
  if (url.username !== '' || url.password !== '')
    throw invalid('url may not have a user or a password; check the signature instead.');
  url.hash = '';
  return url.href;
}

const minuteMs = 60_000;
const delaysMs = [5000, 30_000, 2 * minuteMs, 10 * minuteMs, 30 * minuteMs, 60 * minuteMs];
/** A delivery that is to wait longer is due: its time is from before the clock was set back. */
export const longestDelayMs = 2 * 60 * minuteMs;
/** More than fit into a day; a clock that is set back again and again adds none. */
const attemptsMax = 30;
const triedForMs = 24 * 60 * minuteMs;
const gone = 410;

/** The next state of a delivery after an attempt; `status` is null when there was no answer. */
export function afterAttempt(
  { attempts, createdAt }: Pick<Delivery, 'attempts' | 'createdAt'>,
  status: number | null,
  now: number,
): Pick<Delivery, 'state' | 'attempts' | 'nextAt' | 'endedAt'> {
  const tried = { attempts: attempts + 1, nextAt: now, endedAt: now };
  if (status !== null && status >= 200 && status < 300) return { ...tried, state: 'delivered' };
  const nextAt = now + (delaysMs[attempts] ?? longestDelayMs);
  const isOver = nextAt - createdAt > triedForMs || tried.attempts >= attemptsMax;
  if (status === gone || isOver) return { ...tried, state: 'dead' };
  return { ...tried, state: 'waiting', nextAt, endedAt: null };
}

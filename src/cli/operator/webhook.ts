// The operations on webhooks on the data directory of this host, in the form of the API.

import {
  webhookCreate,
  webhookDelete,
  webhookDeliveryList,
  webhookGet,
  webhookList,
  webhookPing,
  webhookRedeliver,
  webhookRotate,
  webhookUpdate,
} from '../../app/operator/webhook.ts';
import type { WebhookId } from '../../domain/ids.ts';
import type { Delivery } from '../../domain/webhook.ts';
import { toWire } from '../../lib/wire-form.ts';
import type { WebhookDesk } from '../remote/webhook-desk.ts';
import type { Local, Opened, OperatorContext } from './context.ts';

type Shown = Awaited<ReturnType<typeof webhookGet>>;

const presentWebhook = ({ organisationId: _, afterId: __, oldSecretUntil, ...rest }: Shown) => ({
  id: String(rest.id),
  type: 'webhook' as const,
  attributes: {
    ...toWire({ ...rest, id: String(rest.id) }),
    old_secret_until: oldSecretUntil === null ? null : new Date(oldSecretUntil).toISOString(),
  },
});

const presentDelivery = ({ type, nextAt, createdAt, state, ...rest }: Delivery) => {
  const { id, subject, attempts, answer, body } = rest;
  const times = { createdAt, nextAttemptAt: state === 'waiting' ? nextAt : null };
  return {
    id: String(id),
    type: 'webhook_delivery' as const,
    attributes: { id, event_type: type, subject, state, attempts, answer, body, ...toWire(times) },
  };
};

export const withLocalWebhooks = <Result>(
  { withStore }: OperatorContext,
  { dataDir }: Pick<Local, 'dataDir'>,
  organisation: string,
  work: (desk: WebhookDesk) => Promise<Result>,
): Promise<Result> => withStore({ dataDir }, (opened) => work(deskOf(opened, organisation)));

function deskOf({ store, operator, masterKey }: Opened, organisation: string): WebhookDesk {
  const own = [organisation, masterKey] as const;
  const idOf = ({ id }: { id: string }) => id as WebhookId;
  return {
    webhookList: async () => ({
      webhooks: (await webhookList(store, organisation)).map(presentWebhook),
    }),
    webhookGet: async (given) => presentWebhook(await webhookGet(store, organisation, idOf(given))),
    async webhookDeliveryList(given) {
      const found = await webhookDeliveryList(store, organisation, idOf(given), given.state);
      return { deliveries: found.map(presentDelivery) };
    },
    async webhookCreate(given) {
      const { webhook, secret } = await webhookCreate(operator, ...own, given);
      return { ...presentWebhook(webhook), secret };
    },
    webhookUpdate: async ({ id, ...update }) =>
      presentWebhook(await webhookUpdate(operator, ...own, idOf({ id }), update)),
    async webhookRotate({ id, overlap_seconds: overlapS = 0 }) {
      const overlapMs = overlapS * 1000;
      const { webhook, secret } = await webhookRotate(operator, ...own, idOf({ id }), overlapMs);
      return { ...presentWebhook(webhook), secret };
    },
    async webhookDelete(given) {
      await webhookDelete(operator, ...own, idOf(given));
      return {};
    },
    async webhookPing(given) {
      await webhookPing(operator, ...own, idOf(given));
      return {};
    },
    webhookRedeliver: async (given) =>
      presentDelivery(await webhookRedeliver(operator, ...own, idOf(given), given.delivery)),
  };
}

// Webhooks of an organisation, as the operator works on them without a server. The rules are those
// of the organisation's own requests.

import type { WebhookId } from '../../domain/ids.ts';
import type { DeliveryState } from '../../domain/webhook.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import type { Reader, Store } from '../../store/port/unit-of-work.ts';
import * as own from '../webhook.ts';
import { change } from './context.ts';
import { assertMasterKey } from './master-key.ts';

const idOf = (store: Store, organisation: string) =>
  store.read('system', (work) => work.organisations.byName(organisation));

/** Throws not-found for an organisation that there is not. */
async function reading<Result>(
  store: Store,
  organisation: string,
  work: (reader: { work: Reader }) => Promise<Result>,
): Promise<Result> {
  return store.read(await idOf(store, organisation), (reader) => work({ work: reader }));
}

export const webhookList = (store: Store, organisation: string) =>
  reading(store, organisation, own.webhookList);

export const webhookGet = (store: Store, organisation: string, id: WebhookId) =>
  reading(store, organisation, (reader) => own.webhookGet(reader, id));

export const webhookDeliveryList = (
  store: Store,
  organisation: string,
  id: WebhookId,
  state?: DeliveryState,
) => reading(store, organisation, (reader) => own.webhookDeliveryList(reader, id, state));

/**
 * The function of the operator that does the same as that of a request. `seals`: it makes a secret,
 * so the master key must be that of the store.
 */
const changing = <Args extends readonly unknown[], Result>(
  action: string,
  effect: (context: own.WebhookChangeContext, ...args: Args) => Promise<Result>,
  { seals = false } = {},
) =>
  change(
    action,
    (organisation: string, _masterKey: MasterKey, ..._args: Args) =>
      `a webhook of organisation ${organisation}`,
    async ({ store, touched }, organisation, masterKey, ...args) => {
      if (seals) await store.read('system', (work) => assertMasterKey(work, masterKey));
      const organisationId = await idOf(store, organisation);
      const { result, id } = await store.write(organisationId, async (work) => {
        const about: { id?: WebhookId | null | undefined } = {};
        const note: own.WebhookChangeContext['touched'] = ({ webhookId }) => {
          about.id = webhookId;
        };
        const context = { work, organisationId, masterKey, touched: note };
        return { result: await effect(context, ...args), id: about.id };
      });
      touched(`webhook ${id} of organisation ${organisation}`);
      return result;
    },
  );

export const webhookCreate = changing('webhookCreate', own.webhookCreate, { seals: true });
export const webhookUpdate = changing('webhookUpdate', own.webhookUpdate);
export const webhookRotate = changing('webhookRotate', own.webhookRotate, { seals: true });
export const webhookDelete = changing('webhookDelete', own.webhookDelete);
export const webhookPing = changing('webhookPing', own.webhookPing);
export const webhookRedeliver = changing('webhookRedeliver', own.webhookRedeliver);

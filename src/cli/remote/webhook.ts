// silversmith webhook list|show|deliveries

import { type Command, Option } from 'commander';
import type { Answer } from '../../client/client.ts';
import { type Columns, type ListFlags, listOptions, printList, tableOf } from '../listing.ts';
import { minute, print } from '../output.ts';
import { table } from '../table.ts';
import {
  type WebhookContext,
  type WebhookFlags,
  webhookColumns,
  webhookNamed,
  webhookOptions,
  withWebhooks,
} from './webhook-desk.ts';

type Delivery = Answer<'webhookRedeliver'>;
const states = ['waiting', 'delivered', 'dead'] as const;
type State = (typeof states)[number];

const at = (time: string | null) => (time === null ? '' : minute(Date.parse(time)));

const deliveryColumns: Columns<Delivery> = {
  ID: ({ id }) => id,
  EVENT: ({ attributes }) => attributes.event_type,
  SUBJECT: ({ attributes }) => attributes.subject,
  STATE: ({ attributes }) => attributes.state,
  ATTEMPTS: ({ attributes }) => attributes.attempts,
  ANSWER: ({ attributes }) => attributes.answer,
  'NEXT ATTEMPT': ({ attributes }) => at(attributes.next_attempt_at),
};

export function webhookCommands(noun: Command, context: WebhookContext): void {
  const { terminal } = context;
  listOptions(webhookOptions(noun.command('list').description('list the webhooks'))).action(
    (flags: WebhookFlags & ListFlags) =>
      withWebhooks(context, flags, async (desk) => {
        const answer = await desk.webhookList({});
        await printList(terminal, flags, {
          items: answer.webhooks,
          columns: webhookColumns,
          answer: (webhooks) => ({ ...answer, webhooks }),
        });
      }),
  );
  webhookOptions(
    noun.command('show <webhook>').description('show a webhook and its newest dead deliveries'),
  ).action((word: string, flags: WebhookFlags) =>
    withWebhooks(context, flags, async (desk) => {
      const { id } = await webhookNamed(desk, word);
      const webhook = await desk.webhookGet({ id });
      const { deliveries: dead } = await desk.webhookDeliveryList({ id, state: 'dead' });
      const { attributes } = webhook;
      const rows = [
        ['id', id],
        ['address', attributes.url],
        ['types', attributes.types.join(' ')],
        ['made', `${at(attributes.created_at)} UTC`],
        ['paused', attributes.paused_at === null ? 'no' : `since ${at(attributes.paused_at)} UTC`],
        ['old secret', oldSecret(attributes.old_secret_until)],
        ['waiting', attributes.waiting],
        ['dead', attributes.dead],
      ];
      const lines = [table(['WHAT', ''], rows, terminal.columns)];
      if (dead.length > 0)
        lines.push(
          '',
          tableOf(deliveryColumns, dead, terminal.columns),
          `To send them again: silversmith webhook redeliver ${id} --dead`,
        );
      print(terminal, flags, { ...webhook, dead_deliveries: dead }, lines.join('\n'));
    }),
  );
  listOptions(
    webhookOptions(
      noun
        .command('deliveries <webhook>')
        .description('list the newest 100 deliveries of a webhook, newest first'),
    ),
  )
    .addOption(new Option('--state <state>', 'only these').choices(states))
    .action((word: string, flags: WebhookFlags & ListFlags & { state?: State }) =>
      withWebhooks(context, flags, async (desk) => {
        const { id } = await webhookNamed(desk, word);
        const { state } = flags;
        const answer = await desk.webhookDeliveryList({ id, ...(state && { state }) });
        await printList(terminal, flags, {
          items: answer.deliveries,
          columns: deliveryColumns,
          answer: (deliveries) => ({ ...answer, deliveries }),
        });
      }),
    );
}

const oldSecret = (until: string | null) =>
  until === null ? 'none' : `signs too until ${at(until)} UTC`;

// silversmith webhook add|update|rotate|remove

import type { Command } from 'commander';
import { type Confirming, confirmed, confirmOptions, count } from '../confirm.ts';
import { tableOf } from '../listing.ts';
import { minute, print } from '../output.ts';
import { duration, UsageError } from '../parse.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import {
  type NamedWebhook,
  type WebhookContext,
  type WebhookFlags,
  webhookColumns,
  webhookNamed,
  webhookOptions,
  webhooksNamed,
  withWebhooks,
} from './webhook-desk.ts';

const typesHelp =
  'types of events, such as image.changed; default: all but those of progress and logs';

export function webhookChangeCommands(noun: Command, context: WebhookContext): void {
  addCommand(noun, context);
  updateCommand(noun, context);
  rotateCommand(noun, context);
  removeCommand(noun, context);
}

const secretLine = (secret: string) => `secret  ${secret}\nThe secret is not shown again.`;

function addCommand(noun: Command, context: WebhookContext): void {
  const { terminal } = context;
  webhookOptions(
    noun
      .command('add <address>')
      .description('tell an address of events from now on; the secret that signs is shown once'),
  )
    .option('--type <types...>', typesHelp)
    .action((address: string, flags: WebhookFlags & { type?: string[] }) =>
      withWebhooks(context, flags, async (desk) => {
        const { type: types } = flags;
        const made = await desk.webhookCreate({ url: address, ...(types && { types }) });
        const human = [
          ...['webhook ', made.id, '\n', 'address ', made.attributes.url, '\n'],
          secretLine(made.secret),
          `\nTo try the receiver: silversmith webhook ping ${made.id}`,
        ];
        print(terminal, flags, made, human.join(''));
      }),
    );
}

function updateCommand(noun: Command, context: WebhookContext): void {
  const { terminal } = context;
  webhookOptions(
    noun
      .command('update <webhook>')
      .description('give a webhook another address or other types of events'),
  )
    .option('--address <address>', 'the new address, which also gets what waits')
    .option('--type <types...>', 'types of events in place of those before')
    .action((word: string, flags: WebhookFlags & { address?: string; type?: string[] }) =>
      withWebhooks(context, flags, async (desk) => {
        const { address: url, type: types } = flags;
        if (url === undefined && types === undefined)
          throw new UsageError('Nothing is to be changed; give --address or --type.');
        const { id } = await webhookNamed(desk, word);
        const webhook = await desk.webhookUpdate({
          id,
          ...(url && { url }),
          ...(types && { types }),
        });
        print(terminal, flags, webhook, tableOf(webhookColumns, [webhook], terminal.columns));
      }),
    );
}

function rotateCommand(noun: Command, context: WebhookContext): void {
  const { terminal } = context;
  confirmOptions(
    webhookOptions(
      noun
        .command('rotate <webhook>')
        .description('make a new secret, shown once; the old one signs too for a while'),
    ),
  )
    .option(
      '--overlap <duration>',
      'for how long deliveries are signed with the old secret too, such as 24h or 0s (default: 24h)',
      duration('0s', '90d'),
    )
    .action((word: string, flags: WebhookFlags & Confirming & { overlap?: number }) =>
      withWebhooks(context, flags, async (desk) => {
        const named = await webhookNamed(desk, word);
        const { overlap: overlapMs = 24 * 3600_000 } = flags;
        const loss = {
          does: `Rotate the secret of webhook ${named.id} (${named.name})`,
          losses: secretsLost(named, overlapMs),
          undo: 'It cannot be undone; give the new secret to the receiver.',
          numbers: { webhook: named.id, overlap_seconds: overlapMs / 1000 },
        };
        if (!(await confirmed(terminal, flags, loss))) return;
        const made = await desk.webhookRotate({ id: named.id, overlap_seconds: overlapMs / 1000 });
        const until = made.attributes.old_secret_until;
        const old =
          until === null
            ? 'The old secret signs no more.'
            : `The old secret signs too until ${minute(Date.parse(until))} UTC.`;
        print(terminal, flags, made, `${secretLine(made.secret)}\n${old}`);
      }),
    );
}

function secretsLost({ webhook }: NamedWebhook, overlapMs: number): string[] {
  const until = webhook.attributes.old_secret_until;
  const runs = until !== null && Date.parse(until) > Date.now();
  return [
    ...(overlapMs === 0
      ? ['A receiver that has the present secret alone refuses deliveries from now on.']
      : []),
    ...(runs ? ['The secret before the present one, which still signs, signs no more.'] : []),
  ];
}

function removeCommand(noun: Command, context: WebhookContext): void {
  const { terminal } = context;
  confirmOptions(
    webhookOptions(
      noun.command('remove <webhooks...>').description('remove webhooks with their deliveries'),
    ),
  ).action((given: string[], flags: WebhookFlags & Confirming) =>
    withWebhooks(context, flags, async (desk) => {
      const things = await webhooksNamed(desk, given);
      const sum = (of: 'waiting' | 'dead') =>
        things.reduce((all, { webhook }) => all + webhook.attributes[of], 0);
      const [waiting, dead] = [sum('waiting'), sum('dead')];
      const loss = {
        does: `Remove ${things.map(({ id, name }) => `webhook ${id} (${name})`).join(', ')}`,
        losses: [
          `${count(waiting, 'waiting delivery')}, never to be sent.`,
          `${count(dead, 'dead delivery')}, which nobody can send again.`,
          'The secret is gone: a webhook that is added again has another one.',
        ],
        undo: 'It cannot be undone. To end the telling for a while: silversmith webhook pause.',
        numbers: { webhooks: things.map(({ id }) => id), waiting, dead },
      };
      if (!(await confirmed(terminal, flags, loss))) return;
      const outcomes = await outcomesOf(things, async ({ id }) => ({
        id,
        answer: await desk.webhookDelete({ id }),
      }));
      await printOutcomes(outcomes, {
        ...{ terminal, flags, noun: 'webhook', isSingle: given.length === 1 },
        answer: ({ answer }) => answer,
        human: (done) => done.map(({ id }) => `Webhook ${id} is removed.`).join('\n'),
      });
    }),
  );
}

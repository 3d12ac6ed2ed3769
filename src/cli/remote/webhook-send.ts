// silversmith webhook pause|resume|ping|redeliver

import type { Command } from 'commander';
import { count } from '../confirm.ts';
import { UsageError } from '../parse.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import { idIn } from './name.ts';
import {
  type NamedWebhook,
  type WebhookContext,
  type WebhookDesk,
  type WebhookFlags,
  webhookNamed,
  webhookOptions,
  webhooksNamed,
  withWebhooks,
} from './webhook-desk.ts';

const deliveriesMax = 1000;

type Redelivered = Awaited<ReturnType<WebhookDesk['webhookRedeliver']>>;

export function webhookSendCommands(noun: Command, context: WebhookContext): void {
  eachCommand(noun, context, {
    verb: 'pause',
    description: 'tell webhooks of nothing until they are resumed; deliveries and events wait',
    work: (desk, { id }) => desk.webhookUpdate({ id, paused: true }),
    done: ({ id }) => `Webhook ${id} is paused. To end that: silversmith webhook resume ${id}`,
  });
  eachCommand(noun, context, {
    verb: 'resume',
    description: 'end the pause of webhooks; what has waited is sent',
    work: (desk, { id }) => desk.webhookUpdate({ id, paused: false }),
    done: ({ id }) => `Webhook ${id} is told of events.`,
  });
  eachCommand(noun, context, {
    verb: 'ping',
    description: 'send a delivery that tells nothing, to try the receivers',
    work: (desk, { id }) => desk.webhookPing({ id }),
    done: ({ id, webhook }) =>
      webhook.attributes.paused_at === null
        ? `A ping is on its way. To see what was answered: silversmith webhook deliveries ${id}`
        : `Webhook ${id} is paused, so the ping waits. To end that: silversmith webhook resume ${id}`,
  });
  redeliverCommand(noun, context);
}

interface Each {
  verb: string;
  description: string;
  work(desk: WebhookDesk, webhook: NamedWebhook): Promise<object>;
  /** Says what was done, for people. */
  done(webhook: NamedWebhook): string;
}

/** Adds a command that does the same for each of its webhooks. */
function eachCommand(
  noun: Command,
  context: WebhookContext,
  { verb, description, work, done }: Each,
): void {
  webhookOptions(noun.command(`${verb} <webhooks...>`).description(description)).action(
    (given: string[], flags: WebhookFlags) =>
      withWebhooks(context, flags, async (desk) => {
        const things = await webhooksNamed(desk, given);
        const outcomes = await outcomesOf(things, async (thing) => ({
          thing,
          answer: await work(desk, thing),
        }));
        await printOutcomes(outcomes, {
          ...{ terminal: context.terminal, flags, noun: 'webhook', isSingle: given.length === 1 },
          answer: ({ answer }) => answer,
          human: (all) => all.map(({ thing }) => done(thing)).join('\n'),
        });
      }),
  );
}

function redeliverCommand(noun: Command, context: WebhookContext): void {
  webhookOptions(
    noun
      .command('redeliver <webhook> [deliveries...]')
      .description('send deliveries that have ended once more, for another day'),
  )
    .option('--dead', 'those that are dead, the newest 100 of them')
    .action((word: string, given: string[], flags: WebhookFlags & { dead?: boolean }) =>
      withWebhooks(context, flags, async (desk) => {
        const { id } = await webhookNamed(desk, word);
        const ids = await deliveriesOf(desk, id, given, flags.dead === true);
        if (ids.length === 0) return context.terminal.out('No delivery is dead.');
        const things = ids.map((delivery) => ({ id: delivery, name: `of webhook ${id}` }));
        // One after the other, so that the oldest of a thing is the first to wait again.
        const again = ({ id: delivery }: (typeof things)[number]) =>
          desk.webhookRedeliver({ id, delivery });
        const outcomes: Awaited<ReturnType<typeof outcomesOf<Redelivered>>> = [];
        for (const thing of things) outcomes.push(...(await outcomesOf([thing], again)));
        await printOutcomes(outcomes, {
          ...{ terminal: context.terminal, flags, noun: 'delivery', isSingle: given.length === 1 },
          answer: (answer) => answer,
          human: (done) => `${count(done.length, 'delivery')} will be sent again.`,
        });
      }),
    );
}

/** The ids that were given, or those of dead deliveries, oldest first. Throws UsageError. */
async function deliveriesOf(
  desk: WebhookDesk,
  id: string,
  given: readonly string[],
  dead: boolean,
): Promise<number[]> {
  if (dead === given.length > 0)
    throw new UsageError('Give the ids of deliveries, or --dead for all that are dead.');
  if (given.length > deliveriesMax)
    throw new UsageError(`A command takes at most ${deliveriesMax} deliveries.`);
  if (!dead) return [...new Set(given.map(idIn))];
  const { deliveries } = await desk.webhookDeliveryList({ id, state: 'dead' });
  return deliveries.map(({ attributes }) => attributes.id).reverse();
}

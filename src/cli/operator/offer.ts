// silversmith base|software|machine-type retire|remove, and base newest

import type { Command } from 'commander';
import type { Offer } from '../../app/operator/offer.ts';
import type { OfferKind } from '../../domain/offer.ts';
import { pick } from '../remote/name.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';

const nouns = {
  base: 'base image',
  software: 'software',
  'machine-type': 'machine type',
} as const satisfies Record<OfferKind, string>;

/** The thing that was named: of a name without a version, the newest that is offered. */
async function chosen(desk: Desk, kind: OfferKind, text: string): Promise<Offer> {
  const offers = (await desk.offerList()).filter((one) => one.kind === kind);
  const id = await pick(nouns[kind], text, async () => offers);
  const found = offers.find((one) => one.id === id);
  // The server refuses an id that there is not, and says where to look.
  return found ?? { kind, id, name: text, version: null, newest: null, retiredAt: null };
}

export function offerCommands(kind: OfferKind, noun: Command, context: OperatorContext): void {
  const { both, withDesk, print } = context;
  const what = nouns[kind];
  both(
    noun
      .command(`retire <${kind}>`)
      .description(`no longer offer a ${what}; what stands on it goes on`),
  )
    .option('--off', 'offer it again')
    .action((given: string, flags: Both & { off?: boolean }) =>
      withDesk(flags, async (desk) => {
        const { id } = await chosen(desk, kind, given);
        const offer = await desk.offerRetire(kind, id, !flags.off);
        const now = offer.retiredAt === null ? 'is offered' : 'is not offered any more';
        print(flags, offer, `The ${what} ${offer.id} (${offer.name}) ${now}.`);
      }),
    );
  both(noun.command(`remove <${kind}>`).description(`remove a ${what} that nothing uses`)).action(
    (given: string, flags: Both) =>
      withDesk(flags, async (desk) => {
        const { id, name } = await chosen(desk, kind, given);
        await desk.offerRemove(kind, id);
        print(flags, { kind, id, removed: true }, `The ${what} ${id} (${name}) is removed.`);
      }),
  );
}

export function newestCommand(noun: Command, { both, withDesk, print }: OperatorContext): void {
  both(
    noun
      .command('newest <base>')
      .description('let a base image be taken where none is named, if it is the newest that works'),
  )
    .option('--off', 'never take it where none is named')
    .action((given: string, flags: Both & { off?: boolean }) =>
      withDesk(flags, async (desk) => {
        const { id } = await chosen(desk, 'base', given);
        const offer = await desk.baseNewestSet(id, !flags.off);
        const may = offer.newest ? 'may be' : 'is never';
        print(flags, offer, `Base image ${id} (${offer.name}) ${may} taken where none is named.`);
      }),
    );
}

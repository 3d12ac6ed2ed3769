// silversmith organisation list|generalize|templates|quota

import { Argument, type Command } from 'commander';
import type { organisationList } from '../../app/operator/organisation.ts';
import { defaultQuotas, type Quotas } from '../../domain/organisation.ts';
import { givenPolicy, type TemplatePolicy, templatePolicies } from '../../domain/template.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { UsageError, whole } from '../parse.ts';
import { table } from '../table.ts';
import type { Both, OperatorContext } from './context.ts';

export function organisationCommands(organisation: Command, context: OperatorContext): void {
  listCommand(organisation, context);
  generalizeCommand(organisation, context);
  templatesCommand(organisation, context);
  quotaCommand(organisation, context);
}

type Found = Awaited<ReturnType<typeof organisationList>>[number];
const usedOf = (what: 'images' | 'machines' | 'builds' | 'storedGb') => (one: Found) =>
  `${one[what]} of ${one.quotas[what]}`;

const columns: Columns<Found> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  IMAGES: usedOf('images'),
  MACHINES: usedOf('machines'),
  BUILDS: usedOf('builds'),
  'STORED GB': usedOf('storedGb'),
};

function listCommand(noun: Command, { both, withDesk, terminal }: OperatorContext): void {
  listOptions(
    both(noun.command('list').description('list the organisations, what they have and may have')),
  ).action((flags: Both & ListFlags) =>
    withDesk(flags, async (desk) => {
      const items = await desk.organisationList();
      await printList(terminal, flags, { items, columns, answer: (found) => found });
    }),
  );
}

function generalizeCommand(noun: Command, { both, withDesk, print }: OperatorContext): void {
  both(
    noun
      .command('generalize <name> <on|off>')
      .description('set whether captures are generalised when a request does not say'),
  ).action((name: string, wanted: string, flags: Both) =>
    withDesk(flags, async (desk) => {
      if (wanted !== 'on' && wanted !== 'off')
        throw new UsageError(`${JSON.stringify(wanted)} is neither on nor off.`);
      const generalize = wanted === 'on';
      await desk.organisationGeneralize(name, generalize);
      print(
        flags,
        { name, generalize },
        `Captures of ${name} are ${generalize ? '' : 'not '}generalised.`,
      );
    }),
  );
}

function templatesCommand(noun: Command, { both, withDesk, print }: OperatorContext): void {
  both(
    noun
      .command('templates <name>')
      .description('set when templates of its images are made, so that machines start at once')
      .addArgument(
        new Argument('<policy>', 'inherit: as --templates of the server says').choices([
          ...templatePolicies,
          'inherit',
        ]),
      ),
  ).action((name: string, templates: TemplatePolicy | 'inherit', flags: Both) =>
    withDesk(flags, async (desk) => {
      await desk.organisationTemplatesSet(name, givenPolicy(templates));
      print(flags, { name, templates }, `Templates of ${name}: ${templates}.`);
    }),
  );
}

function quotaCommand(noun: Command, { both, withDesk, print }: OperatorContext): void {
  const limit = whole(0);
  const { images, machines, builds, storedGb, keptGb } = defaultQuotas;
  both(noun.command('quota <name>').description('change what an organisation may have at most'))
    .option('--images <number>', `images; default: ${images}`, limit)
    .option('--machines <number>', `machines; default: ${machines}`, limit)
    .option('--builds <number>', `images being made at once; default: ${builds}`, limit)
    .option('--stored-gb <number>', `GB that its captures take; default: ${storedGb}`, limit)
    .option('--kept-gb <number>', `GB of replaced disks; default: ${keptGb}`, limit)
    .action((name: string, flags: Both & Partial<Quotas>) =>
      withDesk(flags, async (desk) => {
        const quotas = await desk.organisationQuotaSet(name, givenOf(flags));
        const row = [
          ...[quotas.images, quotas.machines, quotas.builds],
          ...[quotas.storedGb, quotas.keptGb],
        ];
        print(
          flags,
          quotas,
          table(['IMAGES', 'MACHINES', 'BUILDS', 'STORED GB', 'KEPT GB'], [row]),
        );
      }),
    );
}

/** The quotas that were given, and no others. */
const givenOf = ({ images, machines, builds, storedGb, keptGb }: Partial<Quotas>) => ({
  ...(images !== undefined && { images }),
  ...(machines !== undefined && { machines }),
  ...(builds !== undefined && { builds }),
  ...(storedGb !== undefined && { storedGb }),
  ...(keptGb !== undefined && { keptGb }),
});

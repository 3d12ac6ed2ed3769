// silversmith export-fleet and import-vagon: an organisation as a fleet file.

import type { Command } from 'commander';
import type { ClientOptions } from '../../client/client.ts';
import { newFile } from '../file.ts';
import { fleetState } from '../fleet/now.ts';
import { type FleetOptions, fleetText } from '../fleet/print.ts';
import type { Terminal } from '../output.ts';
import { path, UsageError } from '../parse.ts';
import {
  clientOf,
  findCredentials,
  type Remote,
  type RemoteContext,
  remoteOptions,
} from './context.ts';
import {
  type OfOrganisation,
  type OrganisationContext,
  organisationOptions,
  withOrganisation,
} from './of-organisation.ts';

interface Written extends Remote {
  file?: string;
}

const fileOption = (command: Command): Command =>
  remoteOptions(command).option(
    '-f, --file <file>',
    'a new file for it; default: standard output',
    path,
  );

export function exportFleetCommand(command: Command, context: OrganisationContext): void {
  organisationOptions(fileOption(command)).action(async (flags: Written & OfOrganisation) => {
    const found = await findCredentials(flags, context.env);
    await withOrganisation(context, flags, found, true, async ({ options, shown }) => {
      const of = shown && { name: flags.organisation ?? '', ...shown };
      await write(options, flags, context.terminal, { isForAnother: false, of });
    });
  });
}

export function importVagonCommand(command: Command, { terminal, env }: RemoteContext): void {
  fileOption(command)
    .addHelpText(
      'after',
      '\nIt only reads, by the requests of the Images API 1.0.6: images, machines, software. Give --url, --key and SILVERSMITH_SECRET, or a profile.',
    )
    .action(async (flags: Written) => {
      const options = await findCredentials(flags, env);
      if (flags.url === undefined && env.SILVERSMITH_URL === undefined && !flags.profile)
        throw new UsageError('Give the address of the hosted API: --url, or --profile.');
      await write({ ...options, extensions: false }, flags, terminal, {
        isForAnother: true,
        of: null,
      });
    });
}

async function write(
  options: ClientOptions,
  { file, json }: Written,
  terminal: Terminal,
  { isForAnother, of }: Pick<FleetOptions, 'isForAnother' | 'of'>,
): Promise<void> {
  if (file !== undefined) await newFile('--file', file);
  const client = await clientOf(options);
  const now = await fleetState(client, { extensions: !isForAnother });
  const text = fleetText(now, { source: options.url, isForAnother, of });
  if (json) {
    const { parse } = await import('yaml');
    return terminal.out(JSON.stringify(parse(text), null, 2));
  }
  if (file === undefined) return terminal.out(text.trimEnd());
  const { writeWhole } = await import('../../lib/files.ts');
  await writeWhole(file, text, 0o644);
  terminal.out(
    `${file} has ${now.images.length} images and ${now.machines.length} machines of ${options.url}.`,
  );
}

// silversmith apply: makes an organisation what a fleet file declares.

import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Client, ClientOptions } from '../../client/client.ts';
import { type Confirming, confirmed, confirmOptions, count } from '../confirm.ts';
import { exitCode } from '../exit.ts';
import { converge, failuresOf } from '../fleet/converge.ts';
import { fleetState } from '../fleet/now.ts';
import { lineOfStep, type Plan, planOf, type Step } from '../fleet/plan.ts';
import { type FleetFile, readFleet } from '../fleet/read.ts';
import type { Fleet } from '../fleet/schema.ts';
import type { Terminal } from '../output.ts';
import { path, UsageError } from '../parse.ts';
import { clientOf, findCredentials, type Remote, remoteOptions } from './context.ts';
import { withDisks, written } from './machine-disk.ts';
import {
  type OfOrganisation,
  type OrganisationContext,
  organisationOptions,
  withOrganisation,
} from './of-organisation.ts';

/** A fleet file, and whether to say only what would be added. */
interface Asked {
  fleet: Fleet;
  folder: string;
  isDry: boolean;
}

export interface ApplyContext extends OrganisationContext {
  /**
   * Adds what only the operator can: on the data directory with --local, else over the operator's
   * API. Resolves to a line for each thing, with the secret of a key that was made.
   */
  applyAsOperator(asked: Asked, flags: Remote & { local?: boolean }): Promise<string[]>;
}

interface Applying extends Remote, Confirming, OfOrganisation {
  file: string;
  local?: boolean;
}

export function applyCommand(command: Command, context: ApplyContext): void {
  organisationOptions(confirmOptions(remoteOptions(command)))
    .requiredOption('-f, --file <file>', 'the fleet file', path)
    .option(
      '--local',
      "also add software, bases, machine types and keys, in the data directory on the server's own host (operators only; a key of operators does it over the API)",
    )
    .action((flags: Applying) => apply(flags, context));
}

async function apply(flags: Applying, context: ApplyContext): Promise<void> {
  const file = await readFleet(flags.file);
  const { images = [], machines = [] } = file.fleet;
  const isNeeded = images.length > 0 || machines.length > 0;
  const found = await findCredentials(flags, context.env);
  const isOperators = await context.isOperators(found.key);
  if (isOperators && flags.local)
    throw new UsageError(
      'This key of operators adds what only they can; leave --local out, or give a key of the organisation.',
    );
  const add =
    isOperators || flags.local
      ? (isDry: boolean) => {
          const folder = dirname(resolve(flags.file));
          return context.applyAsOperator({ fleet: file.fleet, folder, isDry }, flags);
        }
      : null;
  if (isOperators && !isNeeded) return applyTo(null, add, file, flags, context);
  await withOrganisation(context, flags, found, false, async ({ options: server }) =>
    applyTo({ client: await clientOf(server), server }, add, file, flags, context),
  );
}

interface Connection {
  client: Client;
  server: ClientOptions;
}

/** Nothing is asked of an organisation without a connection. */
async function applyTo(
  connection: Connection | null,
  add: ((isDry: boolean) => Promise<string[]>) | null,
  file: FleetFile,
  flags: Applying,
  { terminal }: ApplyContext,
): Promise<void> {
  const added = add === null ? [] : await add(true);
  const client = connection?.client ?? null;
  const before = client && (await planned(client, file));
  if (before && add === null) assertAdded(before.plan, flags.file);
  if (add === null && (file.fleet.keys ?? []).length > 0)
    terminal.err(
      'The keys of the file are left alone; only operators make them, with their key or --local.',
    );
  const steps = before?.plan.steps ?? [];
  const lines = [...added, ...steps.map(lineOfStep)];
  if (!(await agreed(client, steps, lines, flags, terminal))) return;
  const addedNow = add === null ? [] : await add(false);
  let [failures, done]: [string[], readonly Step[]] = [[], []];
  if (connection && before) {
    // Things that were added just now have ids only now.
    const { plan, now } = addedNow.length > 0 ? await planned(connection.client, file) : before;
    const { server } = connection;
    const result = await converge(connection.client, plan, now, { terminal, server });
    [failures, done] = [await failuresOf(result), result.done];
  }
  if (flags.json) {
    const changes = [...addedNow, ...done.map(lineOfStep)];
    terminal.out(JSON.stringify({ changes, failures }, null, 2));
  } else {
    // A key's secret is shown once, and was not in the difference.
    for (const line of addedNow.filter((one) => !added.includes(one))) terminal.out(line);
    const made = count(addedNow.length + done.length, 'change');
    terminal.out(`${made} made, ${failures.length} failed.`);
    for (const failure of failures) terminal.err(`error: ${failure}`);
  }
  if (failures.length > 0) terminal.exitCode = exitCode('failed');
}

async function planned(client: Client, { fleet, placeOf }: FleetFile) {
  const now = await fleetState(client);
  return { now, plan: planOf(fleet, now, placeOf) };
}

/** Shows the difference; whether to go on. False when there is none, and after --dry-run. */
async function agreed(
  client: Client | null,
  steps: readonly Step[],
  lines: readonly string[],
  flags: Applying,
  terminal: Terminal,
): Promise<boolean> {
  if (lines.length === 0 || flags.dryRun) {
    const said = lines.length === 0 ? 'Nothing differs.' : lines.join('\n');
    const plan = { dry_run: flags.dryRun === true, changes: lines };
    terminal.out(flags.json ? JSON.stringify(plan, null, 2) : said);
    return false;
  }
  if (!flags.json) terminal.out(lines.join('\n'));
  const machines = steps.flatMap((step) => (step.kind === 'assign' ? step.machines : []));
  const lost = client === null ? [] : await withDisks(client, machines);
  const gone = steps.filter(({ kind }) => kind === 'delete').length;
  const losses = [
    ...(lost.length > 0 ? [`${count(lost.length, 'disk')} with ${written(lost).says}.`] : []),
    ...(gone > 0 ? [`${count(gone, 'image')} that others replace.`] : []),
  ];
  return confirmed(terminal, flags, {
    does: `Apply ${flags.file}`,
    losses,
    undo: 'It can be undone for a while: silversmith image undo, image restore, machine restore.',
    numbers: { changes: lines },
  });
}

/** Throws UsageError when the server lacks what only the operator can add. */
function assertAdded({ lacks }: Plan, file: string): void {
  if (lacks.length === 0) return;
  const things = lacks.map(({ noun, name }) => `${noun} ${JSON.stringify(name)}`);
  throw new UsageError(
    `Only the operator can add ${things.join(', ')}. With a key of operators, or on the server's own host: silversmith apply --file ${file} --local. Nothing was changed.`,
    'refused',
  );
}

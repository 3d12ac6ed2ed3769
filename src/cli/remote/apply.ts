// silversmith apply: makes an organisation what a fleet file declares.

import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { type Confirming, confirmed, confirmOptions, count } from '../confirm.ts';
import { exitCode } from '../exit.ts';
import { converge, failuresOf } from '../fleet/converge.ts';
import { fleetState } from '../fleet/now.ts';
import { lineOfStep, type Plan, planOf } from '../fleet/plan.ts';
import { type FleetFile, readFleet } from '../fleet/read.ts';
import type { Fleet } from '../fleet/schema.ts';
import type { Terminal } from '../output.ts';
import { path, UsageError } from '../parse.ts';
import { connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { withDisks, written } from './machine-disk.ts';

export interface ApplyContext extends RemoteContext {
  /**
   * Adds what only the operator can, on the data directory; with `isDry` it only says what it would
   * add. Resolves to a line for each thing, with the secret of a key that was made.
   */
  applyLocal(
    fleet: Fleet,
    folder: string,
    dataDir: string | undefined,
    isDry: boolean,
  ): Promise<string[]>;
}

interface Applying extends Remote, Confirming {
  file: string;
  local?: boolean;
}

export function applyCommand(command: Command, context: ApplyContext): void {
  confirmOptions(remoteOptions(command))
    .requiredOption('-f, --file <file>', 'the fleet file', path)
    .option(
      '--local',
      "also add software, bases, machine types and keys, in the data directory on the server's own host (operators only)",
    )
    .action((flags: Applying) => apply(flags, context));
}

async function apply(flags: Applying, context: ApplyContext): Promise<void> {
  const { terminal, env } = context;
  const file = await readFleet(flags.file);
  const local = (isDry: boolean) =>
    flags.local
      ? context.applyLocal(file.fleet, dirname(resolve(flags.file)), flags.dataDir, isDry)
      : Promise.resolve([]);
  const added = await local(true);
  const { client, server } = await connection(flags, env);
  const before = await planned(client, file);
  if (!flags.local) assertAdded(before.plan, flags.file);
  if (!flags.local && (file.fleet.keys ?? []).length > 0)
    terminal.err('The keys of the file are left alone; only operators make them, with --local.');
  const lines = [...added, ...before.plan.steps.map(lineOfStep)];
  if (!(await agreed(client, before.plan, lines, flags, terminal))) return;
  const addedNow = await local(false);
  // Things that were added just now have ids only now.
  const { plan, now } = addedNow.length > 0 ? await planned(client, file) : before;
  const result = await converge(client, plan, now, { terminal, server });
  const failures = await failuresOf(result);
  if (flags.json) {
    const changes = [...addedNow, ...result.done.map(lineOfStep)];
    terminal.out(JSON.stringify({ changes, failures }, null, 2));
  } else {
    // A key's secret is shown once, and was not in the difference.
    for (const line of addedNow.filter((one) => !added.includes(one))) terminal.out(line);
    const done = addedNow.length + result.done.length;
    terminal.out(`${count(done, 'change')} made, ${failures.length} failed.`);
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
  client: Client,
  { steps }: Plan,
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
  const lost = await withDisks(client, machines);
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
    `Only the operator can add ${things.join(', ')}. On the server's own host: silversmith apply --file ${file} --local. Nothing was changed.`,
    'refused',
  );
}

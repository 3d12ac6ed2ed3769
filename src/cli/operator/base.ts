// silversmith base add|show|try, and base list for operators

import { type Command, Option } from 'commander';
import type { Trial } from '../../app/operator/base.ts';
import { nameLengthMax } from '../../app/operator/name.ts';
import type { BaseImage } from '../../domain/base.ts';
import { bootWords } from '../../domain/boot.ts';
import { invalid, notFound } from '../../domain/error.ts';
import { seriesOf, versionLengthMax } from '../../domain/offer.ts';
import { count } from '../confirm.ts';
import { readableFile } from '../file.ts';
import { type Columns, type ListFlags, printList } from '../listing.ts';
import { duration, words } from '../parse.ts';
import { pick } from '../remote/name.ts';
import { type BootFlags, bootOf, bootOptions } from './base-boot.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';
import { movedTo } from './layer.ts';
import { newestCommand, offerCommands } from './offer.ts';

/** Their --timeout is the limit of the trial. */
type Untimed = Omit<Both, 'timeout'>;

interface Added extends BootFlags {
  name: string;
  file: string;
  disk?: string;
  kernel?: string;
  initrd?: string;
  release?: string;
  hold?: boolean;
  try: boolean;
  timeout: number;
}

const trialOption = () =>
  new Option('--timeout <duration>', 'limit of the trial, such as 90s or 10m')
    .argParser(duration('1s', '1h', { bare: true }))
    .default(300_000, '5m');

export function baseCommands(base: Command, context: OperatorContext): void {
  addCommand(base, context);
  tryCommand(base, context);
  showCommand(base, context);
  healCommand(base, context);
  boardCommand(base, context);
  offerCommands('base', base, context);
  newestCommand(base, context);
}

function addCommand(base: Command, { both, withDesk, print, terminal }: OperatorContext): void {
  const add = both(
    base
      .command('add')
      .description('add a base image from a disk or, on Incus, a container image, and try it'),
    { ownTimeout: true },
  )
    .requiredOption('--name <name>', 'name of the base image', words(nameLengthMax))
    .requiredOption('--file <path>', 'the disk; a distribution’s cloud image is good as it is')
    .option('--disk <name>', 'the disk in an archive that holds several', words(255))
    .option('--kernel <path>', 'kernel, for direct boot')
    .option('--initrd <path>', 'initrd, for direct boot');
  bootOptions(add)
    .option('--release <version>', 'which version of the name it is', words(versionLengthMax))
    .option('--hold', 'do not take it where no base is named, until: silversmith base newest')
    .option('--no-try', 'do not try it, and offer it at once; bases that work are preferred to it')
    .addOption(trialOption())
    .action(async ({ timeout, ...flags }: Untimed & Added) => {
      const { files, boot } = await filesOf(flags);
      await withDesk(flags, async (desk) => {
        const { added, warnings } = await desk.baseAdd({
          ...{ name: flags.name, version: flags.release, hold: flags.hold, files, boot },
          awaitsTrial: flags.try,
        });
        if (!flags.json)
          terminal.out(`Base image ${added.id} (${added.name}, ${added.sizeGb} GB) is added.`);
        for (const warning of warnings)
          terminal.err(`warning: Base image ${added.id} (${added.name}) ${warning}.`);
        const trial = flags.try
          ? await tryBase(desk, added, { ...flags, timeout }, { print, terminal })
          : null;
        if (flags.json) print(flags, { ...added, trial, warnings }, '');
      });
    });
}

/** Throws UsageError for a file that cannot be read, and `invalid` for half a direct boot. */
async function filesOf(given: Omit<Added, 'timeout'>) {
  const { file, disk: wanted, kernel, initrd } = given;
  const isDirect = kernel !== undefined && initrd !== undefined;
  const disk = { disk: file, ...(wanted !== undefined && { wanted }) };
  for (const [option, path] of Object.entries({
    '--file': file,
    '--kernel': kernel,
    '--initrd': initrd,
  }))
    if (path !== undefined) await readableFile(option, path);
  if ((kernel === undefined) !== (initrd === undefined))
    throw invalid('Direct boot needs both --kernel and --initrd.');
  const boot = bootOf(given, isDirect);
  return { files: isDirect ? { ...disk, kernel, initrd } : disk, boot };
}

function tryCommand(base: Command, { both, withDesk, print, terminal }: OperatorContext): void {
  both(
    base
      .command('try <base>')
      .description('start a build machine on a base image, to see whether it works'),
    { ownTimeout: true },
  )
    .addOption(trialOption())
    .action((given: string, { timeout, ...flags }: Untimed & { timeout: number }) =>
      withDesk(flags, async (desk) => {
        const bases = await desk.baseList();
        const id = await pick('base image', given, async () => bases);
        const base = bases.find((one) => one.id === id) ?? { id, name: given };
        const trial = await tryBase(desk, base, { ...flags, timeout }, { print, terminal });
        if (flags.json) print(flags, trial, '');
      }),
    );
}

function showCommand(base: Command, { both, withDesk, print }: OperatorContext): void {
  both(
    base
      .command('show <base>')
      .description('show a base image: how it boots, whether it works, what is known against it'),
  ).action((given: string, flags: Both) =>
    withDesk(flags, async (desk) => {
      const id = await pick('base image', given, () => desk.baseList());
      const shown = await desk.baseGet(id);
      const { name, sizeGb, boot, works, layerId, warnings } = shown;
      const lines = [
        `Base image ${id} (${name})`,
        `  size      ${sizeGb} GB`,
        `  boots     ${boot ? bootWords(boot) : 'in a way that is not known'}`,
        `  recipes   ${boot?.agentShell === undefined ? 'by the seed' : `by the guest agent, in ${boot.agentShell}`}`,
        ...(boot?.display === undefined ? [] : [`  display   ${boot.display}`]),
        `  works     ${wordOf(works)}${shown.default ? '; taken where no base is named' : ''}`,
        `  layer     ${layerId}`,
        ...warnings.map((warning) => `warning: It ${warning}.`),
      ];
      print(flags, shown, lines.join('\n'));
    }),
  );
}

function healCommand(base: Command, { both, withDesk, print }: OperatorContext): void {
  both(
    base
      .command('heal <base>')
      .description('give a damaged base image its bytes back, from the file that it came from'),
  )
    .requiredOption('--file <path>', 'the file; no other is taken')
    .option('--disk <name>', 'the disk in an archive that holds several', words(255))
    .action(async (given: string, flags: Both & { file: string; disk?: string }) => {
      await readableFile('--file', flags.file);
      await withDesk(flags, async (desk) => {
        const id = await pick('base image', given, () => desk.baseList());
        const healed = await desk.baseHeal(id, { file: flags.file, wanted: flags.disk });
        const { name, images } = healed;
        const again = `${count(images, 'image')} that had failed by the damage ${images === 1 ? 'is' : 'are'} available`;
        print(flags, healed, `Base image ${id} (${name}) is sound again; ${again}.`);
      });
    });
}

function boardCommand(base: Command, { both, withDesk, print }: OperatorContext): void {
  both(
    base
      .command('board <base> [board]')
      .description('give guests on a base image another board; default: the newest of the host'),
  ).action((given: string, board: string | undefined, flags: Both) =>
    withDesk(flags, async (desk) => {
      const bases = await desk.baseList();
      const id = await pick('base image', given, async () => bases);
      const found = bases.find((one) => one.id === id);
      if (found === undefined) throw notFound('base image', id, 'silversmith base list');
      const changed = await desk.layerBoard(found.layerId, board);
      print(flags, changed, movedTo(`Base image ${id} (${found.name})`, changed));
    }),
  );
}

/** Tries a base and says how that went; sets the exit status. */
async function tryBase(
  desk: Desk,
  { id, name }: Pick<BaseImage, 'id' | 'name'>,
  { json, timeout: limitMs }: { json?: boolean; timeout: number },
  { terminal }: Pick<OperatorContext, 'print' | 'terminal'>,
): Promise<Trial> {
  const say = (line: string) => (json ? undefined : terminal.out(line));
  say(`Trying it in a build machine, for at most ${limitMs / 1000} s …`);
  const trial = await desk.baseTry(id, limitMs);
  if (trial.works) {
    say(`Base image ${id} (${name}) works.`);
    return trial;
  }
  const bases = await desk.baseList();
  const offered = bases.find((one) => one.id === id)?.retiredAt === null;
  const taken = bases.find((one) => one.default);
  const instead =
    taken === undefined
      ? 'No base is taken where none is named.'
      : taken.id === id
        ? 'It is still taken where no base is named, because there is no other.'
        : `Where no base is named, base image ${taken.id} (${taken.name}) is taken.`;
  const stays = offered
    ? 'It stays in the catalogue.'
    : `It is not offered; to offer it all the same: silversmith base retire ${id} --off.`;
  terminal.err(`error: Base image ${id} (${name}) does not work: ${trial.said}`);
  terminal.err(`${stays} ${instead} To try it again: silversmith base try ${id}`);
  terminal.exitCode = 1;
  return trial;
}

const wordOf = (works: boolean | null) => (works === null ? 'not tried' : works ? 'yes' : 'no');

const columns: Columns<Awaited<ReturnType<Desk['baseList']>>[number]> = {
  ID: ({ id }) => id,
  NAME: seriesOf,
  VERSION: ({ version }) => version,
  GB: ({ sizeGb }) => sizeGb,
  BOOT: ({ boot }) => boot?.mode ?? 'not known',
  WORKS: ({ works }) => wordOf(works),
  DEFAULT: (base) => (base.default ? 'yes' : base.heldAt === null ? '' : 'held'),
  RETIRED: ({ retiredAt }) => (retiredAt === null ? '' : new Date(retiredAt).toISOString()),
};

/**
 * Prints the fields that only the operator sees: how each boots, whether it works, and which is the
 * default.
 */
export async function printBases(
  desk: Desk,
  { terminal }: OperatorContext,
  flags: ListFlags,
): Promise<void> {
  const items = await desk.baseList();
  await printList(terminal, flags, { items, columns, answer: (bases) => bases });
}

// The operator's commands on base images: what all others start from. A base is tried when it is
// added, since one that does not work would hold up every build and start that names no base.

import type { Command } from 'commander';
import { baseAdd, baseTry, nameLengthMax } from '../../app/operator/catalogue.ts';
import type { BaseImage } from '../../domain/base.ts';
import { invalid } from '../../domain/error.ts';
import type { BaseImageId } from '../../domain/ids.ts';
import type { Boot } from '../../domain/layer.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Flags } from '../../server/options.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { readableFile } from '../file.ts';
import { type Terminal, table } from '../output.ts';
import { whole, words } from '../parse.ts';
import { print as printTo } from '../remote/context.ts';
import { pick } from '../remote/name.ts';
import type { Admin, Printed } from './commands.ts';
import { interruptible } from './interruptible.ts';

interface Added {
  name: string;
  file: string;
  kernel?: string;
  initrd?: string;
  append: string;
  buildAppend?: string;
  try: boolean;
  timeout: number;
}

const trialOption = ['--timeout <seconds>', 'limit of the trial', whole(1, 3600), 300] as const;
const openEngine = async (
  config: Parameters<typeof import('../../server/open.ts')['openEngine']>[0],
) => (await import('../../server/open.ts')).openEngine(config);

/** What is known of a base: true and false are what its last trial, build or machine showed. */
const worksOf = ({ provedAt, failedAt }: BaseImage) =>
  provedAt !== null ? true : failedAt !== null ? false : null;
const wordOf = (works: boolean | null) => (works === null ? 'not tried' : works ? 'yes' : 'no');

function filesOf({ file: disk, kernel, initrd, append, buildAppend }: Added) {
  if ((kernel === undefined) !== (initrd === undefined))
    throw invalid('Direct boot needs both --kernel and --initrd.');
  if (kernel === undefined || initrd === undefined)
    return { files: { disk }, boot: { mode: 'firmware' } as Boot };
  const boot: Boot = { mode: 'direct', append, buildAppend: buildAppend ?? null };
  return { files: { disk, kernel, initrd }, boot };
}

export function baseCommands(base: Command, { local, withStore, print, terminal }: Admin): void {
  /** Tries a base and says how that went; sets the exit status. */
  const trial = async (
    store: Store,
    engine: Engine,
    one: BaseImage,
    seconds: number,
    flags: Printed,
  ) => {
    const say = (line: string) => (flags.json ? undefined : terminal.out(line));
    say(`Trying it in a build machine, for at most ${seconds} s …`);
    const { works, said } = await interruptible((signal) =>
      baseTry(store, engine, one.id, seconds * 1000, signal),
    );
    if (works) say(`Base image ${one.id} (${one.name}) works.`);
    else {
      const taken = await store.read('system', (work) => work.bases.get());
      const instead =
        taken.id === one.id
          ? 'It is still taken where no base is named, because there is no other.'
          : `Where no base is named, base image ${taken.id} (${taken.name}) is taken.`;
      terminal.err(`error: Base image ${one.id} (${one.name}) does not work: ${said}`);
      terminal.err(
        `It stays in the catalogue. ${instead} To try it again: silversmith base try ${one.id}`,
      );
      terminal.exitCode = 1;
    }
    return { works, said };
  };

  local(base.command('add').description('add a base image from a qcow2 or raw disk, and try it'))
    .requiredOption('--name <name>', 'name of the base image', words(nameLengthMax))
    .requiredOption('--file <path>', 'the disk; a distribution’s cloud image is good as it is')
    .option('--kernel <path>', 'kernel, for direct boot')
    .option('--initrd <path>', 'initrd, for direct boot')
    .option(
      '--append <text>',
      'kernel command line, for direct boot',
      'console=ttyS0 root=/dev/vda rw',
    )
    .option(
      '--build-append <text>',
      "what makes the initrd run the seed's user-data and power off, when it can",
    )
    .option('--no-try', 'do not try it; it is taken by default when it is known to work')
    .option(...trialOption)
    .action(async (flags: Flags & Printed & Added) => {
      const { file, kernel, initrd, timeout: seconds } = flags;
      for (const [option, path] of Object.entries({
        '--file': file,
        '--kernel': kernel,
        '--initrd': initrd,
      }))
        if (path !== undefined) await readableFile(option, path);
      const given = filesOf(flags);
      await withStore(flags, async ({ store }, config) => {
        const engine = await openEngine(config);
        const added = await interruptible((signal) =>
          baseAdd(store, engine, { name: flags.name, ...given }, signal),
        );
        if (!flags.json)
          terminal.out(`Base image ${added.id} (${added.name}, ${added.sizeGb} GB) is added.`);
        const root = { boot: given.boot, baseLayerId: added.layerId };
        const fault = await engine.bootCheck?.fault(root, withoutJob());
        if (fault)
          terminal.err(
            `warning: Base image ${added.id} (${added.name}) will hardly start: ${fault.says}.`,
          );
        const tried = flags.try ? await trial(store, engine, added, seconds, flags) : null;
        if (flags.json) print(flags, { ...added, trial: tried }, '');
      });
    });

  local(
    base
      .command('try <base>')
      .description('start a build machine on a base image, to see whether it works'),
  )
    .option(...trialOption)
    .action(async (given: string, flags: Flags & Printed & { timeout: number }) => {
      await withStore(flags, async ({ store }, config) => {
        const id = await pick('base image', given, () =>
          store.read('system', (work) => work.bases.list()),
        );
        const one = await store.read('system', (work) => work.bases.get(id as BaseImageId));
        const tried = await trial(store, await openEngine(config), one, flags.timeout, flags);
        if (flags.json) print(flags, tried, '');
      });
    });
}

/**
 * What only the operator sees: how each boots, whether it works, and which is taken where none is
 * named.
 */
export async function listBases(store: Store, terminal: Terminal, flags: Printed): Promise<void> {
  const { bases, taken } = await store.read('system', async (work) => {
    const all = [];
    for (const one of await work.bases.list())
      all.push({ ...one, boot: (await work.layers.get(one.layerId)).boot });
    return { bases: all, taken: all.length > 0 ? (await work.bases.get()).id : null };
  });
  const shown = bases.map((one) => ({ ...one, works: worksOf(one), default: one.id === taken }));
  const rows = shown.map((one) => [
    ...[one.id, one.name, one.sizeGb, one.boot?.mode ?? 'not known'],
    ...[wordOf(one.works), one.default ? 'yes' : ''],
  ]);
  printTo(terminal, flags, shown, table(['ID', 'NAME', 'GB', 'BOOT', 'WORKS', 'DEFAULT'], rows));
}

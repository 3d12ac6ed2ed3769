// The operator's commands on what lies under the images: layers, the build cache, the room on the
// host.

import type { Command } from 'commander';
import { AppError } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { copyAt, type Layer, shownStateOf, storedBytesOf } from '../../domain/layer.ts';
import { type LayerCopy, localPlace } from '../../domain/layer-copy.ts';
import { gbBytes } from '../../domain/units.ts';
import { evict } from '../../reconcile/build-cache.ts';
import { isReadable, verifyCopy } from '../../reconcile/verify.ts';
import type { Flags } from '../../server/options.ts';
import { mb, minute, table } from '../output.ts';
import { decimal } from '../parse.ts';
import type { Admin, Printed } from './commands.ts';

const gb = (bytes: number) => (bytes / gbBytes).toFixed(1);
const at = (ms: number | null) => (ms === null ? 'never' : minute(ms));
/** The commands say themselves what they found. */
export const quiet = { info() {}, warn() {}, error() {} };

const resultOf = ({ state, digest }: LayerCopy, same: boolean) => {
  if (!same) return 'DAMAGED';
  if (state === 'quarantined') return 'sound again';
  return digest === null ? 'digest taken' : 'same';
};

/** A layer with the facts of its copy in this server's engine, as the commands print it. */
function flat<Listed extends Layer>({ copies, ...layer }: Listed) {
  const copy = copyAt({ copies }, localPlace);
  return {
    ...layer,
    state: shownStateOf({ ...layer, copies }),
    storedBytes: copy?.storedBytes ?? 0,
    digest: copy?.digest ?? null,
    verifiedAt: copy?.verifiedAt ?? null,
    fault: copy?.fault ?? null,
  };
}

export function layerCommands(
  program: Command,
  { local, withStore, print, terminal }: Admin,
): void {
  const layer = program.command('layer').description('layers: what images and disks stand on');
  local(
    layer
      .command('list')
      .description('list the layers, and what the engine keeps that the store does not know'),
  ).action((flags: Flags & Printed) =>
    withStore(flags, async ({ store }) => {
      const { layers, orphans } = await store.read('system', async (work) => ({
        layers: await work.layers.list(),
        orphans: await work.host.orphans(),
      }));
      const listed = layers.map(flat);
      const rows = listed.map((one) => [
        one.id,
        one.kind,
        one.fault === null ? one.state : `${one.state}: ${one.fault}`,
        mb(one.storedBytes),
        one.parentId,
        at(one.verifiedAt),
      ]);
      const unknown = orphans.map((one) => [
        one.id,
        one.kind,
        'unknown to the store',
        mb(one.bytes),
        '',
        at(one.seenAt),
      ]);
      const headings = ['LAYER', 'KIND', 'STATE', 'MB', 'PARENT', 'VERIFIED'];
      print(flags, { layers: listed, orphans }, table(headings, [...rows, ...unknown]));
    }),
  );
  local(
    layer
      .command('verify [layers...]')
      .description('compare the bytes of layers with their digests; default: of all layers'),
  ).action((ids: string[], flags: Flags & Printed) =>
    withStore(flags, async ({ store }, config) => {
      const { openEngine } = await import('../../server/open.ts');
      const engine = await openEngine(config);
      const all = await store.read('system', (work) => work.layers.list());
      const unknown = ids.find((id) => !all.some((one) => one.id === id));
      if (unknown !== undefined)
        throw new AppError(
          'not_found',
          `There is no layer ${unknown}; see: silversmith layer list`,
        );
      const wanted = all.filter(
        (one) => isReadable(one) && (ids.length === 0 || ids.includes(one.id)),
      );
      const found: { id: LayerId; result: 'same' | 'digest taken' | 'sound again' | 'DAMAGED' }[] =
        [];
      for (const copy of wanted.flatMap(({ copies }) => copies)) {
        const same = await verifyCopy(
          { store, engine, log: quiet },
          copy,
          0,
          new AbortController().signal,
        );
        found.push({ id: copy.layerId, result: resultOf(copy, same) });
      }
      print(
        flags,
        found,
        table(
          ['LAYER', 'RESULT'],
          found.map(({ id, result }) => [id, result]),
        ),
      );
      if (found.some(({ result }) => result === 'DAMAGED')) terminal.exitCode = 1;
    }),
  );

  const cache = program
    .command('cache')
    .description('the build cache: installed steps that builds find again');
  local(cache.command('list').description('list the steps, the one used longest ago first')).action(
    (flags: Flags & Printed) =>
      withStore(flags, async ({ store }) => {
        const steps = (await store.read('system', (work) => work.layers.cache())).map(flat);
        const rows = steps.map((one) => [
          one.id,
          mb(one.storedBytes),
          at(one.usedAt),
          one.inUse ? 'yes' : 'no',
        ]);
        print(flags, steps, table(['LAYER', 'MB', 'USED', 'IN USE'], rows));
      }),
  );
  local(cache.command('prune').description('take steps that nothing stands on out of the cache'))
    .option(
      '--keep-gb <number>',
      'as many GB of steps may stay, those used last',
      decimal(0, 1e6),
      0,
    )
    .action((flags: Flags & Printed & { keepGb: number }) =>
      withStore(flags, async ({ store }) => {
        const gone: Layer[] = await store.write('system', (work) =>
          evict(work, flags.keepGb * gbBytes),
        );
        const bytes = gone.reduce((sum, one) => sum + storedBytesOf(one), 0);
        print(
          flags,
          { steps: gone.map((one) => one.id), bytes },
          `${gone.length} steps leave the cache; the server frees their ${mb(bytes)} MB within two minutes, or after its next start.`,
        );
      }),
    );

  local(
    program.command('storage').description('what everything takes on the disk of this host'),
  ).action((flags: Flags & Printed) =>
    withStore(flags, async ({ store }, config) => {
      const { openEngine } = await import('../../server/open.ts');
      const engine = await openEngine(config);
      const [{ layers, disks }, capacity] = [await engine.inventory(), await engine.capacity()];
      const known = await store.read('system', async (work) => ({
        layers: await work.layers.list(),
        disks: await work.disks.list(),
      }));
      const sum = (ids: readonly string[], sizes: ReadonlyMap<string, number>) =>
        ids.reduce((total, id) => total + (sizes.get(id) ?? 0), 0);
      const ofKind = (kind: string) =>
        known.layers.filter((one) => one.kind === kind).map((one) => one.id);
      const ofState = (state: string) =>
        known.disks.filter((one) => one.state === state).map((one) => one.id);
      const rows: [string, number][] = [
        ['base images', sum(ofKind('base'), layers)],
        ['installed software', sum(ofKind('software'), layers)],
        ['captures', sum(ofKind('capture'), layers)],
        ['disks of machines', sum(ofState('active'), disks)],
        ['kept disks', sum(ofState('kept'), disks)],
        ['free on the host', capacity.freeBytes],
        ['the whole disk of the host', capacity.totalBytes],
      ];
      print(
        flags,
        Object.fromEntries(rows),
        table(
          ['WHAT', 'GB'],
          rows.map(([what, bytes]) => [what, gb(bytes)]),
        ),
      );
    }),
  );
}

// Compares the store with the engine. A thing that only the engine has is an orphan: it is reported
// and stays for a day, because a restored older store may need it; then it is removed. A copy that
// only the store has is quarantined as missing. A quarantined copy whose file exists is read again,
// and is used again when its bytes have their digest.

import type { Orphan } from '../../domain/host.ts';
import type { DiskId, LayerId, TemplateId } from '../../domain/ids.ts';
import { localCopy, localPlace } from '../../domain/layer-copy.ts';
import { withoutJob } from '../../engine/port/call.ts';
import { portionsOf } from '../../lib/portions.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { missing, quarantine } from '../quarantine.ts';
import type { Task, TaskContext } from '../task.ts';
import { isReadable, verifyCopy } from '../verify.ts';

/** So many ids are compared between two turns of the event loop. */
const portionMax = 5000;

export const sweep: Task = {
  everyMs: 3600_000,
  scope: 'host',
  async run(context) {
    const { store, engine, settings, signal } = context;
    const call = withoutJob(signal);
    // Read the store first. A file created since then looks unknown, so `orphans` checks again
    // before it reports one.
    const { layers, disks, templates, begun } = await store.survey('system', async (work) => ({
      layers: await work.layers.ids(),
      disks: new Set(await work.disks.ids()),
      templates: new Set((await work.templates.list()).map(({ id }) => id)),
      // The bytes of a capture or an import come before its row; the job has begun their id.
      begun: (await work.jobs.begun()).map(({ id }) => id),
    }));
    const has = await engine.inventory(call);
    const known = new Set<string>(begun);
    for await (const portion of portionsOf(layers, portionMax))
      for (const id of portion) {
        known.add(id);
        if (has.layers.has(id)) continue;
        signal.throwIfAborted();
        const layer = await store.read('system', (work) => work.layers.find(id));
        if (layer && isReadable(layer)) await quarantine(context, localCopy(id), missing);
      }
    const { layers: layersLeft = [], disks: disksLeft = [] } = has.remains ?? {};
    await orphans(context, 'layer', withRemains(has.layers, layersLeft), known);
    await orphans(context, 'disk', withRemains(has.disks, disksLeft), disks);
    if (engine.instant)
      await orphans(context, 'template', await engine.instant.templates(call), templates);
    const quarantined = await store.read('system', (work) => work.layerCopies.quarantined());
    for (const copy of quarantined)
      if (copy.place === localPlace && has.layers.has(copy.layerId))
        await verifyCopy(context, copy, settings.scrubBytesPerSecond, call);
  },
};

/** What the engine has, and what is left of other things. */
const withRemains = (has: ReadonlyMap<string, number>, left: Iterable<string>) => {
  const all = new Map(has);
  for (const id of left) all.set(id, 0);
  return all;
};

async function orphans(
  context: TaskContext,
  kind: Orphan['kind'],
  has: ReadonlyMap<string, number>,
  known: ReadonlySet<string>,
): Promise<void> {
  const { store, settings, guard, log, signal } = context;
  const { noted, before } = await store.read('system', async (work) => ({
    noted: (await work.host.orphans()).filter((one) => one.kind === kind),
    before: await guard.look(work),
  }));
  const isOrphan = (id: string) => has.has(id) && !known.has(id);
  const isOver = (seenAt: number) => before !== null && seenAt <= before - settings.orphanMs;
  const over = noted.filter(({ id, seenAt }) => isOrphan(id) && isOver(seenAt));
  const mayGo = guard.mayGo(`unknown ${kind}s`, over.length, noted.length);
  for (const one of noted)
    if (!isOrphan(one.id)) await store.write('system', (work) => work.host.forgetOrphan(one));
  const unknown: [string, number][] = [];
  for await (const portion of portionsOf([...has.keys()], portionMax))
    for (const id of portion) if (!known.has(id)) unknown.push([id, has.get(id) ?? 0]);
  for (const [id, bytes] of unknown) {
    signal.throwIfAborted();
    const seenAt = noted.find((one) => one.id === id)?.seenAt;
    if (seenAt === undefined) {
      if (await isKnown(store, kind, id)) continue;
      await store.write('system', (work) => work.host.noteOrphan({ kind, id, bytes }));
      const fields = { kind, id, bytes, removedInMs: settings.orphanMs };
      log.warn(fields, 'the engine has something that the store does not know');
    } else if (mayGo && isOver(seenAt)) {
      await removeOrphan(context, kind, id);
      log.warn({ kind, id, bytes }, 'something that the store did not know for a day is removed');
    }
  }
}

async function removeOrphan(
  { store, engine, signal }: TaskContext,
  kind: Orphan['kind'],
  id: string,
): Promise<void> {
  if (kind === 'layer') await engine.removeLayer(id as LayerId, withoutJob(signal));
  else if (kind === 'template')
    await engine.instant?.removeTemplate(id as TemplateId, withoutJob(signal));
  else await engine.removeDisk(id as DiskId, withoutJob(signal));
  await store.write('system', (work) => work.host.forgetOrphan({ kind, id }));
}

/** Whether the store has come to know the id since it was listed. */
const isKnown = (store: Store, kind: Orphan['kind'], id: string): Promise<boolean> =>
  store.read('system', async (work) => {
    const found =
      kind === 'layer'
        ? await work.layers.find(id as LayerId)
        : kind === 'template'
          ? await work.templates.find(id as TemplateId)
          : await work.disks.find(id as DiskId);
    return found !== undefined || (await work.jobs.begun()).some((one) => one.id === id);
  });

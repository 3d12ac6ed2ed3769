// A damaged base gets its bytes back from the file that it came from. Its key is the digest of that
// file, so no other file is taken, and all that stands on the base works again as it was.

import { AppError, failedForNow, invalid } from '../../domain/error.ts';
import type { BaseImageId } from '../../domain/ids.ts';
import { isUsable, type Layer } from '../../domain/layer.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import { sha256Of } from '../../lib/content.ts';
import { noLog } from '../../lib/log.ts';
import { recordHealed } from '../../reconcile/heal.ts';
import { endIntake, withIntake } from '../../reconcile/intake.ts';
import { isReadable, verifyCopy } from '../../reconcile/verify.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';
import { type GivenFile, givenFile, sentBytes } from './given-file.ts';

type Healer = Pick<Engine, 'importBase' | 'verify'>;

interface Origin {
  file: GivenFile;
  /** The name of the disk in an archive that holds several. */
  wanted?: string | undefined;
}

interface Healed {
  id: BaseImageId;
  name: string;
  /** The images that failed because of the damage and are available again. */
  images: number;
}

const keyOf = ({ key, lostKey }: Layer) => key ?? lostKey;

/** The layer of a base that is known to be damaged. Its bytes are compared first. */
async function damagedLayer(store: Store, engine: Engine, id: BaseImageId, signal: AbortSignal) {
  const find = () =>
    store.read('system', async (work) => {
      const base = await work.bases.get(id);
      return { name: base.name, layer: await work.layers.get(base.layerId) };
    });
  const { name, layer } = await find();
  if (!isReadable(layer))
    throw new AppError(
      'conflict',
      `The layer of base image ${id} is ${layer.state} and being worked on; try again in some minutes.`,
    );
  for (const copy of layer.copies)
    await verifyCopy({ store, engine, log: noLog }, copy, 0, withoutJob(signal));
  const now = await find();
  // An engine without digests has compared nothing, so it cannot say that nothing is wrong.
  if (isUsable(now.layer)) requirePart(engine, 'verify');
  if (isUsable(now.layer))
    throw new AppError(
      'conflict',
      `Nothing is wrong with base image ${id} (${name}): its bytes are what they were. Nothing was changed.`,
    );
  return now;
}

/**
 * Puts the bytes of a file in the place of a damaged base's. The file is judged like that of a new
 * base. Throws not-found, `conflict` when the base is not damaged, and `invalid` for a file that it
 * did not come from, or an engine that cannot tell; then nothing is changed.
 */
export const baseHeal = change(
  'baseHeal',
  (_engine: Engine, id: BaseImageId, _from: Origin, _signal: AbortSignal) => `base image ${id}`,
  async ({ store, touched }, engine, id, { file, wanted }, signal): Promise<Healed> => {
    const { name, layer } = await damagedLayer(store, engine, id, signal);
    touched(`base image ${id} (${name})`);
    const key = keyOf(layer);
    const disk = await givenFile(file, signal);
    const from = typeof file === 'string' ? file : file.name;
    const digest = `sha256:${await sha256Of(disk, signal)}`;
    if (digest !== key)
      throw invalid(
        `Base image ${id} (${name}) did not come from ${from}: that file has the digest ${digest}, and the base came from one with ${key}. Give that one, or add this one as a base of its own.`,
      );
    const healer: Healer = engine;
    const counted = {
      layerId: layer.id,
      organisationId: null,
      coveredBytes: sentBytes(file, disk),
    };
    const made = await withIntake(store, counted, (room) =>
      healer.importBase(
        { layerId: layer.id, disk, room, ...(wanted !== undefined && { wanted }) },
        withoutJob(signal),
      ),
    );
    if (made.digest !== key)
      throw failedForNow('The file was changed while it was read; give it again.');
    return store.write('system', async (work) => {
      await endIntake(work, layer.id);
      const now = await work.layers.find(layer.id);
      if (now?.state !== 'sealed')
        throw failedForNow('The base was removed, or changed, while it was healed; look again.');
      const others = await work.layers.byKey(key);
      const isTaken = others !== undefined && others.id !== layer.id;
      const failed = (await work.images.standingOn(layer.id)).filter(
        ({ status }) => status === 'failed',
      );
      await recordHealed(work, layer.id, { key: isTaken ? null : key }, made.storedBytes);
      const left = (await work.images.standingOn(layer.id)).filter(
        ({ status }) => status === 'failed',
      );
      return { id, name, images: failed.length - left.length };
    });
  },
);

// Layers of the engine: each is an image of Incus, known by an alias. Two bases with the same
// content are one image with two aliases, because Incus knows images by their digest.

import { setTimeout as wait } from 'node:timers/promises';
import { Type } from 'typebox';
import { failedForGood, failedForNow } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';
import { Alias, Image } from './answer.ts';
import { type Incus, imageMarks, layerAlias } from './context.ts';
import { isChanged, isExisting, isMissing } from './error.ts';
import { isNewer, tokenText } from './token.ts';

const claimTries = 5;
const removeTries = 5;
const againMs = 200;
const recursion = { recursion: '1' };

const aliasPath = (alias: string) => `/1.0/images/aliases/${alias}`;
const imagePath = (fingerprint: string) => `/1.0/images/${fingerprint}`;

/** The image of an alias; null when there is none. */
export async function findImage(
  { client }: Incus,
  alias: string,
  signal: AbortSignal,
): Promise<{ value: Image; etag: string | null } | null> {
  const found = await client.find(Alias, aliasPath(alias), signal);
  return found && client.find(Image, imagePath(found.value.target), signal);
}

export async function getLayer(incus: Incus, id: LayerId, signal: AbortSignal): Promise<Image> {
  const found = await findImage(incus, layerAlias(id), signal);
  if (found === null)
    throw failedForGood('The layer of this image is missing.', { detail: layerAlias(id) });
  return found.value;
}

/**
 * All images of this installation, by alias. An image that has none, because the attempt that made
 * it died, is listed under the alias that it was made for.
 */
export async function listAliases(incus: Incus, signal: AbortSignal): Promise<Map<string, Image>> {
  const ours = new Map(
    (await listImages(incus, signal)).map((image) => [image.fingerprint, image]),
  );
  const found = new Map<string, Image>();
  for (const { properties, ...image } of ours.values()) {
    const id = properties?.[imageMarks.layer];
    if (id !== undefined) found.set(layerAlias(id as LayerId), { properties, ...image });
  }
  for (const { name, target } of await aliases(incus, signal)) {
    const image = ours.get(target);
    if (image) found.set(name, image);
  }
  return found;
}

const aliases = async ({ client }: Incus, signal: AbortSignal) =>
  (await client.get(Type.Array(Alias), '/1.0/images/aliases', signal, recursion)).value;

/** Gives an image an alias. Idempotent. */
export async function ensureAlias(
  { client }: Incus,
  name: string,
  fingerprint: string,
  signal: AbortSignal,
): Promise<void> {
  const json = { name, target: fingerprint };
  await client.ask('POST', '/1.0/images/aliases', signal, { json }).catch((error) => {
    if (!isExisting(error)) throw error;
  });
}

/**
 * Claims the image of a layer for the job of a call. Null when there is none. Throws `unavailable`
 * for a call that is late.
 */
export async function claimLayer(incus: Incus, id: LayerId, call: Call): Promise<Image | null> {
  const { token, signal } = call;
  for (let tries = 0; tries < claimTries; tries++) {
    const found = await findImage(incus, layerAlias(id), signal);
    if (found === null) return null;
    const { value: image, etag } = found;
    const kept = image.properties?.[imageMarks.token];
    if (token === null || !isNewer(token, kept, layerAlias(id))) return image;
    const properties = { ...image.properties, [imageMarks.token]: tokenText(token) };
    try {
      await incus.client.ask('PATCH', imagePath(image.fingerprint), signal, {
        json: { properties },
        ...(etag !== null && { etag }),
      });
    } catch (error) {
      if (!isChanged(error)) throw error;
    }
  }
  throw failedForNow(`Others change layer ${id} at the same time; it is tried again.`);
}

/** Makes the stopped instance an image, and gives it the alias of a layer. Idempotent. */
export async function publish(
  incus: Incus,
  instance: string,
  id: LayerId,
  { token, signal }: Call,
): Promise<Image> {
  const properties = {
    [imageMarks.installation]: incus.installation,
    // The properties are in the file of the image too, so no two layers have the same digest.
    [imageMarks.layer]: id,
    ...(token && { [imageMarks.token]: tokenText(token) }),
  };
  const [left] = await imagesOf(incus, id, signal);
  if (left === undefined) {
    const json = { source: { type: 'instance', name: instance }, public: false, properties };
    const isDone = async () => (await imagesOf(incus, id, signal)).length > 0;
    await incus.operations.run('POST', '/1.0/images', signal, { json }, isDone);
  }
  const made = left ?? (await imagesOf(incus, id, signal))[0];
  if (made === undefined)
    throw failedForNow('The image of the layer is not there; it is made again.', { detail: id });
  await ensureAlias(incus, layerAlias(id), made.fingerprint, signal);
  return made;
}

/** The images that were made for a layer, with and without its alias. */
const imagesOf = async (incus: Incus, id: LayerId, signal: AbortSignal) =>
  (await listImages(incus, signal)).filter(
    ({ properties }) => properties?.[imageMarks.layer] === id,
  );

async function listImages({ client, installation }: Incus, signal: AbortSignal): Promise<Image[]> {
  const { value } = await client.get(Type.Array(Image), '/1.0/images', signal, recursion);
  return value.filter(({ properties }) => properties?.[imageMarks.installation] === installation);
}

/** Removes the alias of a layer, and its images when no other layer is that image. Idempotent. */
export async function removeLayerImage(incus: Incus, id: LayerId, call: Call): Promise<void> {
  const { signal } = call;
  const image = await claimLayer(incus, id, call);
  await incus.client.ask('DELETE', aliasPath(layerAlias(id)), signal).catch((error) => {
    if (!isMissing(error)) throw error;
  });
  const made = await imagesOf(incus, id, signal);
  const isOurs = image?.properties?.[imageMarks.installation] === incus.installation;
  const gone = new Set([...(isOurs ? [image] : []), ...made].map((one) => one.fingerprint));
  for (const { target } of await aliases(incus, signal)) gone.delete(target);
  for (const fingerprint of gone) await removeImage(incus, fingerprint, signal);
}

/** An image from which instances are made at this moment cannot be removed, so try again. */
async function removeImage(
  { operations, client }: Incus,
  fingerprint: string,
  signal: AbortSignal,
) {
  const isGone = async () => (await client.find(Image, imagePath(fingerprint), signal)) === null;
  for (let tries = 1; ; tries++) {
    try {
      return await operations.run('DELETE', imagePath(fingerprint), signal, {}, isGone);
    } catch (error) {
      if (isMissing(error)) return;
      if (tries >= removeTries) throw error;
      await wait(againMs, undefined, { signal });
    }
  }
}

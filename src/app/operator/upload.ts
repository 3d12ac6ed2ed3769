// Uploads: files that an operator sends in parts before a base or a title is made of them. A part
// begins where the last one ended, so that an upload that was cut off can be resumed. The id of an
// upload is the digest of its file, which is compared when the file is used.

import type { Blobs } from '../../blobs/port.ts';
import { assertBytesFit } from '../../domain/account.ts';
import { AppError, invalid } from '../../domain/error.ts';
import { assertRoom } from '../../domain/host.ts';
import type { UploadId } from '../../domain/ids.ts';
import { assertNextPart } from '../../domain/transfer.ts';
import { openUploadsMax, type Upload, uploadMs } from '../../domain/upload.ts';
import { type Content, sha256Of } from '../../lib/content.ts';
import type { Reader, Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';
import type { GivenFile } from './given-file.ts';

export const uploadList = (store: Store): Promise<Upload[]> =>
  store.read('system', (work) => work.uploads.list());

/** Throws not-found. */
export const uploadGet = (store: Store, id: UploadId): Promise<Upload> =>
  store.read('system', (work) => work.uploads.get(id));

/**
 * Opens the upload of a file, or returns the one that is open. Throws `conflict` for another size
 * than that has, `invalid` when too many are open, and `no_capacity` when the host has no room.
 */
export const uploadOpen = change(
  'uploadOpen',
  ({ id, bytes }: Pick<Upload, 'id' | 'bytes'>) => `an upload of ${bytes} bytes, ${id}`,
  ({ store }, { id, bytes }) =>
    store.write('system', async (work) => {
      const expiresAt = work.now() + uploadMs;
      const open = await work.uploads.list();
      const before = open.find((one) => one.id === id);
      if (before !== undefined) {
        if (before.bytes !== bytes)
          throw new AppError(
            'conflict',
            `The file ${id} was said to have ${before.bytes} bytes, and now ${bytes}; take its digest and its size again.`,
          );
        await work.uploads.update(id, { expiresAt });
        return { ...before, expiresAt };
      }
      if (open.length >= openUploadsMax)
        throw invalid(
          `${open.length} uploads are open and the most is ${openUploadsMax}; use or remove one.`,
        );
      // The file takes room, and so does what is made of it.
      const account = await work.account.host();
      if (account) assertBytesFit(account, 2 * bytes);
      return work.uploads.add({ id, bytes, expiresAt });
    }),
);

/** Returns the upload when the part may be written now. Throws like `uploadPart`. */
async function assertTakes(work: Reader, id: UploadId, offset: number, bytes: number) {
  const upload = await work.uploads.get(id);
  assertNextPart(`Upload ${id}`, upload, offset, bytes);
  const capacity = await work.host.capacity();
  if (capacity) assertRoom(capacity, bytes);
  return upload;
}

/**
 * Takes a part of a file. Two parts of one upload must not be taken at the same time. It has no
 * entry in the trail, which has the upload. Throws `conflict`, which names the offset to go on at,
 * `invalid`, not-found, and `no_capacity` when the disk is full.
 */
export async function uploadPart(
  { store, blobs }: { store: Store; blobs: Blobs },
  id: UploadId,
  offset: number,
  content: Buffer,
): Promise<Upload> {
  await store.read('system', (work) => assertTakes(work, id, offset, content.length));
  await blobs.writePart(id, offset, content);
  return store.write('system', async (work) => {
    const upload = await assertTakes(work, id, offset, content.length);
    const taken = { receivedBytes: offset + content.length, expiresAt: work.now() + uploadMs };
    await work.uploads.update(id, taken);
    return { ...upload, ...taken };
  });
}

/** Forgets a file that was sent, whether it is whole or not. Throws not-found. */
export const uploadRemove = change(
  'uploadRemove',
  (_blobs: Blobs, id: UploadId) => `upload ${id}`,
  async ({ store }, blobs, id) => {
    await store.write('system', async (work) => {
      await work.uploads.get(id);
      await work.uploads.remove(id);
    });
    await blobs.remove(id);
  },
);

/** Forgets files that are in use now, such as the disk of a base that was added. */
export async function forgetUploads(
  { store, blobs }: { store: Store; blobs: Blobs },
  ids: readonly UploadId[],
): Promise<void> {
  await store.write('system', async (work) => {
    for (const id of ids) await work.uploads.remove(id);
  });
  for (const id of ids) await blobs.remove(id);
}

/**
 * A file that was sent, under a name. To open it throws not-found, `conflict` while a part of it is
 * missing, and `invalid` when it is not the file of its digest; then it is forgotten.
 */
export const sentFile = (
  rooms: { store: Store; blobs: Blobs },
  id: UploadId,
  name: string,
): Exclude<GivenFile, string> => ({
  name,
  async open(signal = new AbortController().signal): Promise<Content> {
    const { store, blobs } = rooms;
    const { bytes, receivedBytes } = await store.write('system', async (work) => {
      const upload = await work.uploads.get(id);
      await work.uploads.update(id, { expiresAt: work.now() + uploadMs });
      return upload;
    });
    if (receivedBytes !== bytes)
      throw new AppError(
        'conflict',
        `Upload ${id} has ${receivedBytes} of ${bytes} bytes; send the rest, from ${receivedBytes} on.`,
      );
    const content = await blobs.read(id);
    const sha256 = await sha256Of(content, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    if (sha256 === id) return content;
    await forgetUploads(rooms, [id]);
    throw invalid(`The bytes that came have the digest ${sha256}, not ${id}; send the file again.`);
  },
});

/**
 * Runs work on files that were sent. A failure of work whose file was removed meanwhile is told as
 * that. Throws `conflict` then, and the errors of the work.
 */
export async function withUploads<Result>(
  store: Store,
  ids: readonly UploadId[],
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code !== 'internal') throw error;
    for (const id of ids)
      if (!(await store.read('system', (reader) => reader.uploads.find(id))))
        throw new AppError(
          'conflict',
          `Upload ${id} was removed while it was used, and nothing is made of it; send it again.`,
          { cause: error },
        );
    throw error;
  }
}

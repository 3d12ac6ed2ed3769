// Files from the operator: bases, and the files of recipes. A recipe's file is an image too, in
// which no system is, because Incus copies images between its members and every server can read
// them.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { failedForGood, invalid } from '../../domain/error.ts';
import { assertRoom } from '../../domain/host.ts';
import type { RecipeFile } from '../../domain/software.ts';
import { type Content, headOf, piecesOf } from '../../lib/content.ts';
import type { FileSpec } from '../port/builds.ts';
import type { Call } from '../port/call.ts';
import type { BaseSpec, ImportedBase } from '../port/layers.ts';
import { capacityOf } from './cluster.ts';
import { fileAlias, type Incus, imageMarks, layerAlias } from './context.ts';
import { ensureAlias, findImage, getLayer, removeLayerImage } from './image.ts';
import { metadataEntry, tarEnd, tarHeader, tarPadding } from './tar.ts';
import { formOf, type Upload, uploadBase, uploadImage } from './upload.ts';

const headBytes = 512;

/** Whether the last byte of a content is already on its way is no matter: its digest decides. */
async function* hashing(content: Content, signal: AbortSignal, done: (sha256: string) => void) {
  const hash = createHash('sha256');
  for await (const piece of piecesOf(content, signal)) {
    hash.update(piece);
    yield piece;
  }
  done(hash.digest('hex'));
}

export async function importBase(
  incus: Incus,
  { layerId, disk, kernel, initrd }: BaseSpec,
  call: Call,
): Promise<ImportedBase> {
  if (kernel !== undefined || initrd !== undefined)
    throw invalid('Incus boots no base with a kernel beside it; leave --kernel and --initrd away.');
  const { signal } = call;
  const head = await headOf(disk, headBytes);
  const form = formOf(head);
  assertRoom(await capacityOf(incus, signal), disk.bytes);
  let digest = '';
  const content: Content = {
    bytes: disk.bytes,
    open: () =>
      Readable.from(
        hashing(disk, signal, (sha256) => {
          digest = sha256;
        }),
      ),
  };
  const properties = { [imageMarks.layer]: layerId };
  const fingerprint = await uploadBase(incus, content, form, properties, signal);
  const before = await findImage(incus, layerAlias(layerId), signal);
  if (before !== null && before.value.fingerprint !== fingerprint)
    await removeLayerImage(incus, layerId, call);
  await ensureAlias(incus, layerAlias(layerId), fingerprint, signal);
  const { size } = await getLayer(incus, layerId, signal);
  return {
    digest: `sha256:${digest}`,
    virtualBytes: sizeOf(form, head, disk.bytes),
    storedBytes: size,
  };
}

/** A root file system has no size of its own. It takes a few times the bytes of its archive. */
const unpackedTimes = 4;
const leastBytes = 2 * 1024 ** 3;
const qcow2SizeAt = 24;

/** The size of the disk that instances of a base need at least. */
function sizeOf(form: ReturnType<typeof formOf>, head: Buffer, bytes: number): number {
  if (form === 'disk' && head.length >= qcow2SizeAt + 8) {
    const size = Number(head.readBigUInt64BE(qcow2SizeAt));
    if (Number.isSafeInteger(size) && size > 0) return size;
  }
  return Math.max(leastBytes, unpackedTimes * bytes);
}

/** The path of a recipe's file in the image that holds it, and the entries before its content. */
const payload = 'rootfs/payload';
const before = (bytes: number) =>
  Buffer.concat([metadataEntry('a file of a recipe'), tarHeader(payload, bytes)]);

export async function importFile(
  incus: Incus,
  { sha256, content }: FileSpec,
  { signal }: Call,
): Promise<void> {
  if ((await findImage(incus, fileAlias(sha256), signal)) !== null) return;
  const ahead = before(content.bytes);
  const behind = Buffer.concat([tarPadding(content.bytes), tarEnd]);
  async function* pieces() {
    yield { bytes: ahead, isImage: true };
    for await (const bytes of hashing(content, signal, assertDigest))
      yield { bytes, isImage: true };
    yield { bytes: behind, isImage: true };
  }
  // It throws before the end of the upload, so that Incus keeps nothing of it.
  const assertDigest = (digest: string) => {
    if (digest !== sha256)
      throw invalid(
        `The file ${content.path ?? 'that was given'} has the digest ${digest}, not ${sha256}; it has changed.`,
      );
  };
  const bytes = ahead.length + content.bytes + behind.length;
  const upload: Upload = { pieces: pieces(), bytes, contentType: 'application/octet-stream' };
  const fingerprint = await uploadImage(incus, upload, {}, signal);
  await ensureAlias(incus, fileAlias(sha256), fingerprint, signal);
}

/** Streams a recipe's file. Throws `internal` when it is missing or not what it was. */
export async function* readFile(
  incus: Incus,
  { name, sha256, bytes }: RecipeFile,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const found = await findImage(incus, fileAlias(sha256), signal);
  const missing = (detail: string) =>
    failedForGood(`The file ${name} of this title is missing; the operator can add it again.`, {
      detail,
    });
  if (found === null) throw missing(fileAlias(sha256));
  const path = `/1.0/images/${found.value.fingerprint}/export`;
  const stream = await incus.client.download(path, signal);
  const hash = createHash('sha256');
  let [skip, left] = [before(bytes).length, bytes];
  try {
    for await (const chunk of stream) {
      const piece = (chunk as Buffer).subarray(skip).subarray(0, left);
      skip = Math.max(0, skip - (chunk as Buffer).length);
      left -= piece.length;
      hash.update(piece);
      if (piece.length > 0) yield piece;
      if (left === 0 && skip === 0) break;
    }
  } finally {
    stream.destroy();
  }
  if (left !== 0 || hash.digest('hex') !== sha256) throw missing('its digest is another');
}

// Uploads of files as images of Incus: an image in one file, a root file system or a disk for which
// the metadata are written here, and the files of recipes.

import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import { invalid } from '../../domain/error.ts';
import { type Content, piecesOf } from '../../lib/content.ts';
import { parseAnswer } from './answer.ts';
import type { Body } from './client.ts';
import { type Incus, imageMarks } from './context.ts';
import { IncusRefusal, isExisting } from './error.ts';
import { metadataEntry, tarEnd } from './tar.ts';

const uploadMs = 6 * 60 * 60_000;
const Made = Type.Object({ fingerprint: Type.String() });

export interface Upload {
  /** The parts of the body, in order; `isImage` says which bytes are of the image itself. */
  pieces: AsyncIterable<{ bytes: Buffer; isImage: boolean }>;
  bytes: number;
  contentType: string;
}

/**
 * Uploads an image with these properties, and returns its fingerprint, also when Incus has the same
 * image already. Throws IncusRefusal when it is no image.
 */
export async function uploadImage(
  { operations, installation }: Incus,
  { pieces, bytes, contentType }: Upload,
  properties: Record<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256');
  async function* counted() {
    for await (const piece of pieces) {
      if (piece.isImage) hash.update(piece.bytes);
      yield piece.bytes;
    }
  }
  const all = new URLSearchParams({ [imageMarks.installation]: installation, ...properties });
  const headers = { 'content-type': contentType, 'x-incus-properties': all.toString() };
  const body: Body = { content: counted(), bytes, headers };
  try {
    const metadata = await operations.run('POST', '/1.0/images', signal, {
      body,
      timeoutMs: uploadMs,
    });
    return parseAnswer(Made, metadata, 'POST /1.0/images').fingerprint;
  } catch (error) {
    if (!isExisting(error)) throw error;
    return hash.digest('hex');
  }
}

/** An image in one file, as `incus image export` and `incus publish` make it. */
function unified(content: Content, signal: AbortSignal): Upload {
  async function* pieces() {
    for await (const bytes of piecesOf(content, signal)) yield { bytes, isImage: true };
  }
  const contentType = 'application/octet-stream';
  return { pieces: pieces(), bytes: content.bytes, contentType };
}

const boundary = 'silversmith-part-of-an-image';

/** An image in two files: metadata that are written here, and a root file system or a disk. */
function split(content: Content, isDisk: boolean, signal: AbortSignal): Upload {
  const metadata = Buffer.concat([metadataEntry('added to Silversmith'), tarEnd]);
  const part = (name: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  const [first, second, last] = [
    part('metadata'),
    `\r\n${part(isDisk ? 'rootfs.img' : 'rootfs')}`,
    `\r\n--${boundary}--\r\n`,
  ].map((text) => ({ bytes: Buffer.from(text), isImage: false }));
  async function* pieces() {
    if (first) yield first;
    yield { bytes: metadata, isImage: true };
    if (second) yield second;
    for await (const bytes of piecesOf(content, signal)) yield { bytes, isImage: true };
    if (last) yield last;
  }
  const around = [first, second, last].reduce((sum, one) => sum + (one?.bytes.length ?? 0), 0);
  return {
    pieces: pieces(),
    bytes: around + metadata.length + content.bytes,
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}

type Form = 'tarball' | 'squashfs' | 'disk';

const magics: readonly [at: number, bytes: string, form: Form][] = [
  [0, '1f8b', 'tarball'],
  [0, 'fd377a585a00', 'tarball'],
  [0, '28b52ffd', 'tarball'],
  [0, '425a68', 'tarball'],
  [257, Buffer.from('ustar').toString('hex'), 'tarball'],
  [0, Buffer.from('hsqs').toString('hex'), 'squashfs'],
  [0, Buffer.from('QFI').toString('hex').concat('fb'), 'disk'],
];

/** Throws `invalid` when the file begins like nothing of which Incus makes an image. */
export function formOf(head: Buffer): Form {
  const found = magics.find(
    ([at, bytes]) => head.subarray(at, at + bytes.length / 2).toString('hex') === bytes,
  );
  if (found) return found[2];
  throw invalid(
    'The file is no image of Incus. Give an image in one file (incus image export), a root file system as a tarball or squashfs, or a qcow2 disk for virtual machines.',
  );
}

/** Uploads a base of any form. Throws `invalid` with the words of Incus when it is none. */
export async function uploadBase(
  incus: Incus,
  content: Content,
  form: Form,
  properties: Record<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const upload = (made: Upload) => uploadImage(incus, made, properties, signal);
  const refused = (error: unknown) => {
    if (!(error instanceof IncusRefusal)) throw error;
    if (error.retry === 'later') throw error;
    throw invalid(`Incus makes no image of the file: ${error.said}`);
  };
  if (form !== 'tarball') return upload(split(content, form === 'disk', signal)).catch(refused);
  return upload(unified(content, signal)).catch((error) => {
    // A tarball without metadata is a root file system.
    if (!(error instanceof IncusRefusal) || !/metadata/i.test(error.said)) return refused(error);
    return upload(split(content, false, signal)).catch(refused);
  });
}

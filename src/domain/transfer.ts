// A transfer: an image on its way out (export) or in (import), as one file of bytes beside a
// manifest that says what it is.

import { invalid } from './error.ts';
import type { ImageId, LayerId, OrganisationId, TransferId } from './ids.ts';

export type TransferKind = 'export' | 'import';
export type TransferFormat = 'qcow2' | 'raw';

/**
 * `receiving`: an import's bytes are coming in. `building`: the file is made, or made an image of.
 */
export type TransferStatus = 'receiving' | 'building' | 'available' | 'failed';

export interface Transfer {
  id: TransferId;
  organisationId: OrganisationId;
  kind: TransferKind;
  format: TransferFormat;
  /** The image that it is of; null while an import's image is not made yet. */
  imageId: ImageId | null;
  name: string;
  status: TransferStatus;
  statusReason: string | null;
  /** Of the whole file; 0 while an export is being made. */
  bytes: number;
  /** What its file takes on the host, or may come to take; 0 when it is gone. */
  heldBytes: number;
  receivedBytes: number;
  /** Lower-case hex, of the whole file; null when it is not known. */
  sha256: string | null;
  manifest: string | null;
  /** Over the manifest's text, base64. */
  signature: string | null;
  createdAt: number;
  /** From when on its file may go. */
  expiresAt: number;
}

export const transferBytesMax = 16 * 1024 ** 4;
export const transferMs = 24 * 3600_000;
export const openTransfersMax = 10;

/** `direct`: with the kernel and the initrd that follow the disk in the file. */
export type ManifestBoot =
  | { mode: 'firmware' }
  | {
      mode: 'direct';
      append: string;
      buildAppend: string | null;
      kernelBytes: number;
      initrdBytes: number;
    };

const appendLengthMax = 2000;

/** What an exported file is. */
export interface Manifest {
  version: 1;
  name: string;
  format: TransferFormat;
  bytes: number;
  sha256: string;
  virtualBytes: number;
  /** The base at the end of its chain, by the digest of the disk that was added as it. */
  base: { name: string; key: string } | null;
  /**
   * How it boots where that base is not; absent in exports of earlier versions, which boot by
   * firmware then.
   */
  boot?: ManifestBoot;
  head: { layerId: LayerId; key: string | null };
  software: { name: string; recipeDigest: string }[];
  createdAt: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isSize = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;
const isSoftware = (value: unknown) =>
  Array.isArray(value) && value.every((one) => isObject(one) && isText(one.recipeDigest));

const isAppend = (value: unknown) =>
  isText(value) && value.length <= appendLengthMax && !/[^\x20-\x7e]/.test(value);

function isBoot(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isObject(value)) return false;
  if (value.mode === 'firmware') return true;
  const { append, buildAppend, kernelBytes, initrdBytes } = value;
  const appends = isAppend(append) && (buildAppend === null || isAppend(buildAppend));
  return value.mode === 'direct' && appends && isSize(kernelBytes) && isSize(initrdBytes);
}

/**
 * Each field of a manifest that something of ours reads, whether it is what it must be, and what
 * that is.
 */
const fieldsRead = ({
  version,
  name,
  sha256,
  virtualBytes,
  base,
  head,
  software,
  boot,
}: Record<string, unknown>) =>
  [
    ['version', version === 1, '1'],
    ['name', isText(name), 'a text'],
    ['sha256', isText(sha256) && /^[0-9a-f]{64}$/.test(sha256), '64 lower-case hexadecimal digits'],
    ['virtualBytes', isSize(virtualBytes), 'a whole number above 0'],
    ['base', base === null || isObject(base), 'an object or null'],
    ['base.key', !isObject(base) || isText(base.key), 'a text'],
    ['head', isObject(head), 'an object'],
    ['head.layerId', isObject(head) && isText(head.layerId), 'a text'],
    ['boot', isBoot(boot), '{"mode": "firmware"}, or a direct boot with what its kernel needs'],
    ['software', isSoftware(software), 'a list of objects, each with the text recipeDigest'],
  ] as const;

/**
 * Reads a manifest that comes from outside. Throws `invalid`, which names the first field that is
 * wrong.
 */
export function parseManifest(text: string): Manifest {
  const asWritten = 'Send the manifest that silversmith image export wrote, as it is.';
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw invalid(`The manifest is not JSON. ${asWritten}`);
  }
  if (!isObject(found)) throw invalid(`The manifest is not a JSON object. ${asWritten}`);
  const wrong = fieldsRead(found).find(([, good]) => !good);
  if (wrong) throw invalid(`The manifest's field ${wrong[0]} is not ${wrong[2]}. ${asWritten}`);
  return found as unknown as Manifest;
}

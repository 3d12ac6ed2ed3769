// A transfer: an image on its way out (export) or in (import), as one file and a manifest that
// describes it.

import { type Firmware, firmwares, type StateCopy, stateCopies } from './boot.ts';
import { AppError, invalid } from './error.ts';
import type { ImageId, LayerId, OrganisationId, TransferId } from './ids.ts';

type TransferKind = 'export' | 'import';
export type TransferFormat = 'qcow2' | 'raw';

const exportCompressions = ['zstd', 'gzip', 'none'] as const;
/** Of the clusters of a qcow2 (`gzip` is its zlib), or of the whole file of a raw disk. */
export type ExportCompression = (typeof exportCompressions)[number];

/** A raw disk stays plain, so that every program reads it. */
export const usualCompression = (format: TransferFormat): ExportCompression =>
  format === 'qcow2' ? 'zstd' : 'none';

/**
 * `receiving`: an import's bytes are being uploaded. `building`: a job writes an export's file, or
 * makes an image of an import's file.
 */
type TransferStatus = 'receiving' | 'building' | 'available' | 'failed';

export interface Transfer {
  id: TransferId;
  organisationId: OrganisationId;
  kind: TransferKind;
  format: TransferFormat;
  /** The exported image, or the image that an import makes; null until the import makes it. */
  imageId: ImageId | null;
  name: string;
  status: TransferStatus;
  statusReason: string | null;
  /** The size of the whole file; 0 while an export is being written. */
  bytes: number;
  /** The bytes that its file takes on the host, or may still take; 0 when the file is gone. */
  heldBytes: number;
  receivedBytes: number;
  /** The digest of the whole file in lower-case hex; null when it is not known. */
  sha256: string | null;
  manifest: string | null;
  /** The signature of the manifest's text, in base64. */
  signature: string | null;
  /** The manifest in a signed envelope (provenance.ts); null for an import. */
  attestation: string | null;
  createdAt: number;
  /** From when on its file may be removed. */
  expiresAt: number;
}

/**
 * Throws `conflict` when a part does not begin where the last one ended, and `invalid` when it is
 * empty or goes beyond the file. `what` names the file that is sent, such as `Transfer 5`.
 */
export function assertNextPart(
  what: string,
  file: Pick<Transfer, 'bytes' | 'receivedBytes'>,
  offset: number,
  partBytes: number,
): void {
  const { bytes, receivedBytes } = file;
  if (offset !== receivedBytes)
    throw new AppError(
      'conflict',
      `${what} has ${receivedBytes} bytes; go on at ${receivedBytes}.`,
    );
  if (partBytes === 0) throw invalid('The part is empty; send bytes.');
  if (offset + partBytes > bytes)
    throw invalid(
      `The file was said to have ${bytes} bytes; with this part it has ${offset + partBytes}.`,
    );
}

export const transferBytesMax = 16 * 1024 ** 4;
export const transferMs = 24 * 3600_000;
export const openTransfersMax = 10;

/**
 * The hardware of its machines, and the state of their firmware. Earlier versions know none of it.
 */
interface ManifestHardware {
  /** Absent in a direct boot, and in exports of earlier versions: BIOS. */
  firmware?: Firmware;
  tpm?: boolean;
  stateCopy?: StateCopy;
  board?: string;
  /** The variables of UEFI: gzip, in base64. */
  variables?: string;
  /** The state of the TPM, likewise: only of an image whose profile copies it. */
  tpmState?: string;
}

/** `direct`: with the kernel and the initrd that follow the disk in the exported file. */
export type ManifestBoot = ManifestHardware &
  (
    | { mode: 'firmware' }
    | {
        mode: 'direct';
        append: string;
        buildAppend: string | null;
        kernelBytes: number;
        initrdBytes: number;
      }
  );

const appendLengthMax = 2000;

/** The description of an exported file. */
export interface Manifest {
  version: 1;
  name: string;
  format: TransferFormat;
  /** Absent in exports of earlier versions, which have the usual one of their format. */
  compression?: ExportCompression;
  bytes: number;
  /** The largest runs of zeros in the file, which a download may leave out; absent: none. */
  holes?: (readonly [start: number, end: number])[];
  sha256: string;
  virtualBytes: number;
  /** The base of its chain; `key` is the digest of the disk that was added as the base. */
  base: { name: string; key: string } | null;
  /**
   * How it boots at a server that does not have the base. Absent in exports of earlier versions,
   * which then boot by firmware.
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

const isOneOf = (all: readonly string[], value: unknown) =>
  value === undefined || all.some((one) => one === value);
const stateLengthMax = 1024 ** 2;
const isState = (value: unknown) =>
  value === undefined ||
  (isText(value) && value.length <= stateLengthMax && /^[A-Za-z0-9+/]+={0,2}$/.test(value));

function isHardware({
  firmware,
  tpm,
  stateCopy,
  board,
  variables,
  tpmState,
}: Record<string, unknown>): boolean {
  return (
    isOneOf(firmwares, firmware) &&
    (tpm === undefined || typeof tpm === 'boolean') &&
    isOneOf(stateCopies, stateCopy) &&
    (board === undefined || (isText(board) && /^[a-z0-9][a-z0-9.-]{0,39}$/.test(board))) &&
    isState(variables) &&
    isState(tpmState)
  );
}

function isBoot(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isObject(value)) return false;
  if (!isHardware(value)) return false;
  if (value.mode === 'firmware') return true;
  const { append, buildAppend, kernelBytes, initrdBytes } = value;
  const appends = isAppend(append) && (buildAppend === null || isAppend(buildAppend));
  return value.mode === 'direct' && appends && isSize(kernelBytes) && isSize(initrdBytes);
}

/** Each field of a manifest that is read: its name, whether it is valid, and its rule. */
const fieldsRead = ({
  version,
  name,
  sha256,
  virtualBytes,
  base,
  head,
  software,
  boot,
  compression,
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
    [
      'boot',
      isBoot(boot),
      '{"mode": "firmware"} or a direct boot with what its kernel needs, and hardware that is known',
    ],
    [
      'compression',
      compression === undefined || exportCompressions.some((one) => one === compression),
      'one of zstd, gzip and none',
    ],
    ['software', isSoftware(software), 'a list of objects, each with the text recipeDigest'],
  ] as const;

/** Reads a manifest that a caller sent. Throws an `invalid` that names the first wrong field. */
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

/** The end of the name of an export's file. */
export function fileEnding({ format, manifest }: Pick<Transfer, 'format' | 'manifest'>): string {
  const { compression } = manifest === null ? {} : parseManifest(manifest);
  const packed = { zstd: '.zst', gzip: '.gz', none: '' };
  return `.${format}${format === 'raw' ? packed[compression ?? 'none'] : ''}`;
}

// Exports layers as standalone files, and imports such files as layers.

import { invalid } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { type Content, type Sink, slice } from '../../lib/content.ts';
import type { Call } from '../port/call.ts';
import type { BaseFiles, ChainBoot } from '../port/layers.ts';

/** The kernel and the initrd that follow a disk in the file of an export. */
export interface Tail {
  kernelBytes: number;
  initrdBytes: number;
}

export interface ExportSpec extends ChainBoot {
  layerId: LayerId;
  format: 'qcow2' | 'raw';
  /** Of the clusters of a qcow2, or of the whole file of a raw disk; `gzip` is zlib in a qcow2. */
  compression?: 'zstd' | 'gzip' | 'none';
  to: Sink;
  /** The most that the file may take, holes not included. */
  bytesMax: number;
}

/** The state of the firmware of an image: the bytes of the variables of UEFI, and of the TPM. */
export interface FirmwareState {
  variables: Buffer | null;
  tpm: Buffer | null;
}

export interface Exported {
  /** The length of the whole export: the disk and its tail. */
  bytes: number;
  /** The room that these bytes take on the host. */
  heldBytes: number;
  /** The parts that follow the disk; null: none. */
  tail: Tail | null;
  /** Absent: the image has none. */
  firmwareState?: FirmwareState;
}

/**
 * A standalone layer may have a kernel and an initrd, which are kept beside it. One on a base has
 * those of the base.
 */
export interface ImportSpec extends BaseFiles {
  layerId: LayerId;
  /** The base from which the layer keeps only the difference; null: the layer stands alone. */
  parentId: LayerId | null;
  /** The most that the layer may take. */
  bytesMax: number;
  /** The content behind the disk, in the unpacked form of a file that is compressed as a whole. */
  tail?: Tail | null;
  /** Absent: machines on it begin with a new one. */
  firmwareState?: FirmwareState | undefined;
}

/**
 * Splits the file of an export into the disk, and the kernel and the initrd that follow it. Throws
 * `invalid` when the file is too short for them.
 */
export function partsOf(file: Content, tail: Tail | null): BaseFiles {
  if (tail === null) return { disk: file };
  const { kernelBytes, initrdBytes } = tail;
  const end = file.bytes - kernelBytes - initrdBytes;
  if (end <= 0)
    throw invalid(
      `The manifest tells of ${kernelBytes + initrdBytes} bytes after the disk, and the file has ${file.bytes}.`,
    );
  const between = end + kernelBytes;
  return {
    disk: slice(file, { start: 0, end }),
    kernel: slice(file, { start: end, end: between }),
    initrd: slice(file, { start: between, end: file.bytes }),
  };
}

export interface Transfer {
  /**
   * Judges a file of `bytes` bytes by the first of them (`headBytes` of domain/disk-kind.ts, or
   * all), so that an upload is refused before the rest is sent. Throws `invalid` for what
   * `importLayer` would refuse too. It opens nothing.
   */
  assertTakes(head: Buffer, bytes: number): void;
  /**
   * Writes the content of a layer's chain (itself first) as one standalone file, followed by the
   * kernel and the initrd that it boots with when they are not on the disk. Idempotent; the sink
   * gets no file before it is whole. Throws `invalid` for a qcow2 of more than `bytesMax`,
   * `internal` when a layer is missing, and `no_capacity` when the host's disk is full.
   */
  exportLayer(spec: ExportSpec, call: Call): Promise<Exported>;
  /**
   * Makes a layer of a file from outside, which is not trusted (see BaseFiles). An existing layer
   * of that id gets the new content in one step. Idempotent. Throws `invalid` for a file that is
   * not a plain disk, or a layer that would take more than `bytesMax`; throws `no_capacity` when
   * the host's disk is full. After a failure the layer is as it was before the call.
   */
  importLayer(spec: ImportSpec, call: Call): Promise<{ virtualBytes: number; storedBytes: number }>;
}

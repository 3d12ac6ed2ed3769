// The state of a firmware as the text of a manifest, which is signed with it.

import { gunzipSync, gzipSync } from 'node:zlib';
import type { BootProfile } from '../domain/boot.ts';
import { failedForGood } from '../domain/error.ts';
import type { ManifestBoot } from '../domain/transfer.ts';
import type { FirmwareState, Tail } from '../engine/optional/transfer.ts';

/** Neither the variables of a machine nor the state of a TPM are as large. */
const stateBytesMax = 1024 ** 2;

const packed = (bytes: Buffer) => gzipSync(bytes, { level: 9 }).toString('base64');

function unpacked(text: string | undefined): Buffer | null {
  if (text === undefined) return null;
  try {
    return gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: stateBytesMax });
  } catch (error) {
    throw failedForGood(
      'The state of the firmware in the manifest cannot be read. Send the manifest that silversmith image export wrote, as it is.',
      { detail: String(error) },
    );
  }
}

/**
 * How an exported image boots elsewhere. The profiles of a firmware share the older name
 * `firmware`, which earlier versions read.
 */
export function manifestBoot(
  boot: BootProfile,
  tail: Tail | null,
  { variables, tpm: tpmState }: FirmwareState = { variables: null, tpm: null },
): ManifestBoot {
  const { tpm, stateCopy, board } = boot;
  const more = {
    ...(tpm && { tpm }),
    ...(stateCopy !== undefined && { stateCopy }),
    ...(board !== undefined && { board }),
    ...(variables && { variables: packed(variables) }),
    ...(tpmState && { tpmState: packed(tpmState) }),
  };
  if (boot.mode !== 'direct') return { mode: 'firmware', firmware: boot.mode, ...more };
  if (tail === null) return { mode: 'firmware', ...more };
  const { append, buildAppend } = boot;
  return { mode: 'direct', append, buildAppend, ...tail, ...more };
}

/** Throws `internal` for a state that cannot be unpacked. */
export const stateIn = ({ variables, tpmState }: ManifestBoot): FirmwareState => ({
  variables: unpacked(variables),
  tpm: unpacked(tpmState),
});

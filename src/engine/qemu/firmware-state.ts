// The state that a firmware keeps: the variables of UEFI, and the keys of a TPM. It belongs to a
// disk. A capture or a build gives a copy to its layer, and a fresh disk on that layer begins with
// it, as the boot profile says. Otherwise it is new: by the state of its TPM a machine is
// recognised.

import { constants } from 'node:fs';
import { chmod, chown, lchown, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BootProfile, isUefi } from '../../domain/boot.ts';
import { failedForGood, failedForNow, invalid } from '../../domain/error.ts';
import { exists, statOrNull, syncPath, writeWhole } from '../../lib/files.ts';
import type { FirmwareState } from '../optional/transfer.ts';
import { newVariables, variablesBytes } from './firmware.ts';
import { giveTo, type QemuUser } from './host.ts';
import type { StatePlaces } from './paths.ts';

/** The file in the folder of a TPM that outlives its process. */
const permanent = 'tpm2-00.permall';
const tpmBytesMax = 1024 ** 2;
const readTries = 10;

/** Whether a fresh disk, and so its layer, has a copy of a state. */
const copiesVariables = ({ stateCopy }: BootProfile) => stateCopy !== 'none';
const copiesTpm = ({ stateCopy }: BootProfile) => stateCopy === 'all';

/**
 * Reads a whole file that a guest may be writing, or may have replaced by something else: it
 * follows no link, waits for no pipe, and reads no more than `bytesMax`. Null when there is none.
 */
async function readState(path: string, bytesMax: number): Promise<Buffer | null> {
  for (let tries = 0; tries < readTries; tries++) {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw failedForNow('The state of the firmware cannot be read.', { detail: String(error) });
    });
    if (file === null) return null;
    try {
      const before = await file.stat();
      if (!before.isFile() || before.size > bytesMax)
        throw failedForGood('The state of the firmware is not what a firmware writes.', {
          detail: `${path} has ${before.size} bytes`,
        });
      const bytes = Buffer.alloc(before.size);
      const { bytesRead } = await file.read(bytes, 0, before.size, 0);
      const after = await file.stat();
      if (bytesRead === before.size && after.mtimeMs === before.mtimeMs) return bytes;
    } finally {
      await file.close();
    }
  }
  throw failedForNow('The state of the firmware changed while it was copied; try again.', {
    detail: path,
  });
}

/** The files of a state that QEMU itself writes; the state of a TPM is swtpm's. */
export const writableState = (boot: BootProfile, { variables }: StatePlaces): string[] =>
  isUefi(boot) ? [variables] : [];

/** The state of a disk or a build. That of a TPM is a folder. */
async function readOwn({ variables, tpm }: StatePlaces): Promise<FirmwareState> {
  return {
    variables: await readState(variables, variablesBytes),
    tpm: await readState(join(tpm, permanent), tpmBytesMax),
  };
}

export async function readLayerState({ variables, tpm }: StatePlaces): Promise<FirmwareState> {
  return {
    variables: await readState(variables, variablesBytes),
    tpm: await readState(tpm, tpmBytesMax),
  };
}

/** Puts a state beside a layer. Throws `invalid` for one that no firmware takes. Idempotent. */
export async function writeLayerState(
  places: StatePlaces,
  { variables, tpm }: FirmwareState,
): Promise<void> {
  if (variables && variables.length !== variablesBytes)
    throw invalid(
      `The variables of UEFI have ${variables.length} bytes, and the firmware here takes ${variablesBytes}.`,
    );
  if (tpm && tpm.length > tpmBytesMax)
    throw invalid(`The state of the TPM has ${tpm.length} bytes; the most is ${tpmBytesMax}.`);
  if (variables) await writeWhole(places.variables, variables, 0o444);
  if (tpm) await writeWhole(places.tpm, tpm, 0o400);
}

/** Gives a layer the state of the disk or the build that becomes the layer. Idempotent. */
export async function captureState(
  boot: BootProfile,
  from: StatePlaces,
  to: StatePlaces,
): Promise<void> {
  const { variables, tpm } = await readOwn(from);
  await writeLayerState(to, {
    variables: copiesVariables(boot) ? variables : null,
    tpm: copiesTpm(boot) ? tpm : null,
  });
}

/** Makes the folder of a TPM, with the bytes of its state or empty. */
async function makeTpm(path: string, state: Buffer | null): Promise<void> {
  const part = `${path}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { mode: 0o700 });
  if (state) await writeWhole(join(part, permanent), state, 0o600);
  await syncPath(part);
  await rename(part, path);
}

interface Ensuring {
  boot: BootProfile;
  /** Of the layer below. */
  layer: StatePlaces;
  user: QemuUser;
  /** Whether no guest was ready with it before, so that it may be new. */
  fresh: boolean;
}

/**
 * Gives a disk or a build the state that its boot profile needs, unless it has one, and hands it to
 * the user of its guest. Throws `internal` for a disk that has lost the state of its TPM, because a
 * new one would not open what the old one has locked.
 */
export async function ensureState(
  places: StatePlaces,
  { boot, layer, user, fresh }: Ensuring,
): Promise<void> {
  const { variables, tpm } = places;
  if (isUefi(boot)) {
    if (!(await exists(variables))) {
      const copied = copiesVariables(boot)
        ? await readState(layer.variables, variablesBytes)
        : null;
      const state = copied ?? (await readState(newVariables(boot), variablesBytes));
      if (state) await writeWhole(variables, state, 0o600);
    }
    await giveTo(user, variables);
    await chmod(variables, 0o600);
  }
  if (!boot.tpm) return;
  if (!(await exists(tpm))) {
    if (!fresh)
      throw failedForGood(
        'The state of its TPM is missing on the disk of the host. Bring it back, from a backup; or give the machine a fresh disk, whose TPM is new: silversmith machine reset MACHINE.',
        { detail: tpm },
      );
    await makeTpm(tpm, copiesTpm(boot) ? await readState(layer.tpm, tpmBytesMax) : null);
  }
  await giveTpm(user, tpm);
}

/** Hands the folder of a TPM to its user. A guest may have put links into it. */
async function giveTpm({ ids }: QemuUser, folder: string): Promise<void> {
  if (ids === null) return;
  const names = (await readdir(folder)).slice(0, 100);
  for (const name of names) await lchown(join(folder, name), ids.uid, ids.gid);
  await chown(folder, ids.uid, ids.gid);
}

/** Copies the state of a disk for a backup, also of a machine that is on. */
export async function copyDiskState(from: StatePlaces, to: StatePlaces): Promise<void> {
  const { variables, tpm } = await readOwn(from);
  if (variables) await writeWhole(to.variables, variables, 0o600);
  if (await exists(from.tpm)) {
    await rm(to.tpm, { recursive: true, force: true });
    await makeTpm(to.tpm, tpm);
  }
}

export async function removeState({ variables, tpm }: StatePlaces): Promise<void> {
  for (const path of [variables, tpm, `${tpm}.part`, `${variables}.part`])
    await rm(path, { recursive: true, force: true });
}

/** Bytes that the state of a layer takes on the disk. */
export async function stateBytes({ variables, tpm }: StatePlaces): Promise<number> {
  let bytes = 0;
  for (const path of [variables, tpm]) bytes += ((await statOrNull(path))?.blocks ?? 0) * 512;
  return bytes;
}

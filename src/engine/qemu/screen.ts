// The screen of a machine that is on: QEMU serves it on a socket, and writes pictures of it.

import { constants } from 'node:fs';
import { chmod, type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, failedForNow } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { newId } from '../../lib/new-id.ts';
import { SharedRun } from '../../lib/shared-run.ts';
import { pictureBytesMax, type Screen } from '../optional/screen.ts';
import { copiesOf } from './backup.ts';
import { screenSocket } from './display.ts';
import { openGuestSocket } from './guest-socket.ts';
import { giveTo, type Host } from './host.ts';
import { type Found, findProcess, type Own, ownerOf } from './process.ts';
import { monitorCall } from './qmp.ts';

const connectMs = 5000;
const pictureMs = 15_000;

interface Context extends Own {
  host: Host;
}

/** The process of a machine that is on. Throws `machine_not_ready`. */
export async function foundOn(own: Own, id: MachineId): Promise<Found> {
  const running = await findProcess(own, 'machine', id);
  if (running) return running;
  throw new AppError(
    'machine_not_ready',
    `Machine ${id} is off; start it: silversmith machine start ${id}`,
  );
}

export function screenIn(context: Context): Screen {
  const pictures = new SharedRun<Buffer>();
  return {
    async open(id, { signal }) {
      const { folder } = await foundOn(context, id);
      const over = AbortSignal.any([signal, AbortSignal.timeout(connectMs)]);
      return openGuestSocket(join(folder, screenSocket), over).catch((error) => {
        signal.throwIfAborted();
        throw hasNoScreen(id, error);
      });
    },
    async picture(id, { signal }) {
      signal.throwIfAborted();
      // QEMU does nothing else while it packs a picture, so it packs one for all who ask.
      return pictures.run(String(id), async () =>
        pictureOf(id, await foundOn(context, id), context),
      );
    },
  };
}

const hasNoScreen = (id: MachineId, error: unknown) =>
  failedForNow(
    `The screen of machine ${id} does not answer. A machine that was started by an earlier version has none; stop it, and start it again.`,
    { detail: String(error) },
  );

/**
 * QEMU writes into a file that the server has made in a folder of its own, and holds open. So the
 * guest cannot put another file in its place.
 */
async function pictureOf(id: MachineId, running: Found, context: Context): Promise<Buffer> {
  const { host, paths } = context;
  const name = `screen-${newId()}.png`;
  const file = join(await copiesOf(running, context), name);
  const user = host.user.ids === null ? host.user : { ...host.user, ids: await ownerOf(running) };
  let handle: FileHandle | null = null;
  try {
    handle = await open(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    await giveTo(user, file);
    await chmod(file, 0o600);
    const filename = paths.fromGuest(join(paths.builds, name));
    const asked = { filename, format: 'png' };
    await monitorCall(join(running.folder, 'qmp.sock'), 'screendump', asked, pictureMs).catch(
      (error) => {
        throw hasNoScreen(id, error);
      },
    );
    return await bytesIn(handle, id);
  } finally {
    await handle?.close();
    await rm(file, { force: true });
  }
}

const signature = Buffer.from('89504e470d0a1a0a', 'hex');

async function bytesIn(handle: FileHandle, id: MachineId): Promise<Buffer> {
  const { size } = await handle.stat();
  if (size > pictureBytesMax)
    throw hasNoScreen(id, `its picture has ${size} bytes, and the most is ${pictureBytesMax}`);
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await handle.read(bytes, 0, size, 0);
  if (bytesRead !== size || !bytes.subarray(0, signature.length).equals(signature))
    throw hasNoScreen(id, 'what QEMU wrote is no whole PNG');
  return bytes;
}

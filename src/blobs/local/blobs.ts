// Blobs as files in one folder of this host, each named by its transfer's id. A file that is being
// written has the id and a suffix.

import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, noRoomForNow } from '../../domain/error.ts';
import { isFullDisk } from '../../domain/host.ts';
import { fileContent, fileSink } from '../../lib/content.ts';
import type { BlobId, Blobs } from '../port.ts';

const noRoom = () =>
  noRoomForNow('The disk of the host is full; the part was not kept. Send it again later.');

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/** The folder must be there. */
export function localBlobs(folder: string): Blobs {
  const pathOf = (id: BlobId) => join(folder, id);
  /** The part of a file's name that is the id. */
  const idOf = (name: string) => name.replace(/\..*$/, '') as BlobId;
  return {
    async writePart(id, offset, part) {
      try {
        await writeAt(pathOf(id), offset, part);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') throw gone(id);
        throw isFullDisk(error) ? noRoom() : error;
      }
    },
    async read(id) {
      try {
        return await fileContent(pathOf(id));
      } catch (error) {
        throw codeOf(error) === 'ENOENT' ? gone(id) : error;
      }
    },
    sink: (id) => fileSink(pathOf(id)),
    async remove(id) {
      for (const name of await readdir(folder))
        if (idOf(name) === id) await rm(join(folder, name), { force: true });
    },
    list: async () => [...new Set((await readdir(folder)).map(idOf))],
  };
}

const gone = (id: BlobId) =>
  new AppError('not_found', `The bytes of transfer ${id} are gone; ask for a new one.`);

async function writeAt(path: string, offset: number, part: Buffer): Promise<void> {
  const file = await open(path, offset === 0 ? 'w' : 'r+', 0o600);
  try {
    await file.write(part, 0, part.length, offset);
    await file.sync();
  } finally {
    await file.close();
  }
}

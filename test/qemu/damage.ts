// Simulates a failing disk by changing four bytes of a file.

import { chmod, open } from 'node:fs/promises';

/** Changes four bytes in the middle of a file, as a failing disk would. */
export async function flipFourBytes(path: string): Promise<void> {
  await chmod(path, 0o644);
  const handle = await open(path, 'r+');
  try {
    const middle = Math.floor((await handle.stat()).size / 2);
    const bytes = Buffer.alloc(4);
    await handle.read(bytes, 0, 4, middle);
    await handle.write(Buffer.from(bytes.map((byte) => byte ^ 0xff)), 0, 4, middle);
    await handle.sync();
  } finally {
    await handle.close();
    await chmod(path, 0o444);
  }
}

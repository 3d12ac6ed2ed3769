// Files of a test by their paths, as an engine takes them in.

import type { BaseFiles } from '../src/engine/port/layers.ts';
import { fileContent } from '../src/lib/content.ts';

export async function contents({
  disk,
  kernel,
  initrd,
}: {
  disk: string;
  kernel?: string;
  initrd?: string;
}): Promise<BaseFiles> {
  return {
    disk: await fileContent(disk),
    ...(kernel !== undefined && { kernel: await fileContent(kernel) }),
    ...(initrd !== undefined && { initrd: await fileContent(initrd) }),
  };
}

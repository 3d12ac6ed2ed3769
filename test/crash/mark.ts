// Marks: numbers that a test writes into the content of a disk, so that it can tell later whether a
// layer or a disk still has that content. Mark N is one MiB of the byte N, N MiB from the start.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineName } from './scenario.ts';

/** A shell command that writes a mark, for a recipe or a guest to run. */
export const leaveMark = (mark: number) =>
  `dd if=/dev/zero bs=1M count=1 | tr '\\000' '\\${mark.toString(8).padStart(3, '0')}' | dd of=/dev/vda bs=1M seek=${mark} `;

export type Marked = { layer: string } | { disk: string };

/** Whether a layer or a disk has a mark, in its own content or in the layers below it. */
export function hasMark(dataDir: string, engine: EngineName, of: Marked, mark: number): boolean {
  return engine === 'simulator'
    ? simulatedContent(dataDir, of).some((text) => text.includes(`seek=${mark} `))
    : qemuReads(dataDir, of, mark);
}

interface Simulated {
  layers: Record<string, { parent: string | null; content: string[] }>;
  disks: Record<string, { layer: string; content: string[] }>;
}

/** The simulator keeps, for each layer and disk, the commands that were run on it. */
function simulatedContent(dataDir: string, of: Marked): string[] {
  const file = join(dataDir, 'engine', 'simulator.json');
  const { layers, disks } = JSON.parse(readFileSync(file, 'utf8')) as Simulated;
  const chain = (layer: string | null | undefined): string[] => {
    const found = layer == null ? undefined : layers[layer];
    return found ? [...chain(found.parent), ...found.content] : [];
  };
  if ('layer' in of) return chain(of.layer);
  const disk = disks[of.disk];
  return [...chain(disk?.layer), ...(disk?.content ?? [])];
}

function qemuReads(dataDir: string, of: Marked, mark: number): boolean {
  const [folder, id] = 'layer' in of ? ['layers', of.layer] : ['disks', of.disk];
  const path = join(dataDir, 'engine', folder, `${id}.qcow2`);
  const look = ['-U', '-r', '-f', 'qcow2', '-c', `read -P ${mark} ${mark}M 1M`, path];
  try {
    return !/failed|error/i.test(execFileSync('qemu-io', look, { stdio: 'pipe' }).toString());
  } catch {
    return false;
  }
}

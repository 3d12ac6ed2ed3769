// Checks what a schema cannot say of a fleet file: names that are there twice, images that stand on
// each other in a circle, and machines that are described in two ways.

import { UsageError } from '../parse.ts';
import { didYouMean } from '../similar.ts';
import type { DeclaredImage, Fleet } from './schema.ts';

export interface Fault {
  path: readonly (string | number)[];
  says: string;
}

const quoted = (name: string) => JSON.stringify(name);

function duplicates(list: string, items: readonly { name?: string }[] = []): Fault[] {
  const first = new Map<string, number>();
  return items.flatMap(({ name }, at): Fault[] => {
    if (name === undefined) return [];
    const before = first.get(name);
    if (before === undefined) {
      first.set(name, at);
      return [];
    }
    const says = `${quoted(name)} is declared twice (entries ${before + 1} and ${at + 1}).`;
    return [{ path: [list, at, 'name'], says }];
  });
}

/** The images from which one is made, itself first; null where they lead back to one of them. */
function lineOf(image: DeclaredImage, byName: ReadonlyMap<string, DeclaredImage>) {
  const line = [image];
  const seen = new Set([image.name]);
  for (let from = image.from; from !== undefined; ) {
    const next = byName.get(from);
    if (next === undefined) return line;
    if (seen.has(next.name)) return null;
    seen.add(next.name);
    line.push(next);
    from = next.from;
  }
  return line;
}

const imagesByName = ({ images = [] }: Fleet) => new Map(images.map((one) => [one.name, one]));

function imageFaults(fleet: Fleet): Fault[] {
  const byName = imagesByName(fleet);
  return (fleet.images ?? []).flatMap((image, at): Fault[] => {
    const path = ['images', at, 'from'];
    if (image.from === undefined) return [];
    if (!byName.has(image.from)) {
      const near = didYouMean(image.from, [...byName.keys()]);
      return [{ path, says: `this file declares no image ${quoted(image.from)}.${near}` }];
    }
    return lineOf(image, byName) === null
      ? [{ path, says: `${quoted(image.name)} is made from itself, in a circle.` }]
      : [];
  });
}

const machineFaults = ({ machines = [] }: Fleet): Fault[] =>
  machines.flatMap(({ name, type, count }, at): Fault[] => {
    const path = ['machines', at];
    if (name !== undefined && (type ?? count) !== undefined)
      return [{ path, says: 'give a name, or type and count, and not both.' }];
    return name === undefined && type === undefined
      ? [{ path, says: 'give the name of a machine, or a type.' }]
      : [];
  });

export const check = (fleet: Fleet): Fault[] => [
  ...duplicates('software', fleet.software),
  ...duplicates('bases', fleet.bases),
  ...duplicates('machine_types', fleet.machine_types),
  ...duplicates('images', fleet.images),
  ...duplicates('machines', fleet.machines),
  ...duplicates(
    'keys',
    fleet.keys?.map(({ name, organisation }) => ({ name: `${name} of ${organisation}` })),
  ),
  ...imageFaults(fleet),
  ...machineFaults(fleet),
];

export interface WantedImage {
  name: string;
  base: string | null;
  /** In the order of the alphabet, each once. */
  software: readonly string[];
  /** Undefined: as it is. */
  protected: boolean | undefined;
}

/** The images with what they have of others. The file was checked before. */
export function wantedImages(fleet: Fleet): WantedImage[] {
  const byName = imagesByName(fleet);
  return (fleet.images ?? []).map((image) => {
    const line = lineOf(image, byName);
    if (line === null) throw new UsageError(`The image ${quoted(image.name)} is made from itself.`);
    const software = [...new Set(line.flatMap((one) => one.software ?? []))].sort();
    const base = line.find((one) => one.base !== undefined)?.base ?? null;
    return { name: image.name, base, software, protected: image.protected };
  });
}

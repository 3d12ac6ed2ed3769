// Writes an organisation as a fleet file. What a file cannot declare is in its comments, so that
// nobody misses it: captures, and titles and types whose content the API does not tell.

import { Document } from 'yaml';
import { wantedImages } from './check.ts';
import type { Now } from './now.ts';
import type { DeclaredImage, DeclaredMachines, Fleet } from './schema.ts';

const perGroupMax = 1000;

export interface FleetOptions {
  /** Where it is from, for the first line. */
  source: string;
  /** Whether the file is for another installation, which has none of these things. */
  isForAnother: boolean;
  /** The organisation with what only operators see of it; null otherwise. */
  of: {
    name: string;
    keys: readonly { name: string; permissions: readonly string[] }[];
    machineTypes: readonly { name: string; network: string | null }[];
  } | null;
}

type Image = Now['images'][number];

const isDeclarable = (image: Image) =>
  image.source === 'pre_installation' && image.status !== 'failed';

/** The images that a file can declare, one for each name, the newest of those of one name. */
function declared(images: readonly Image[]): Map<string, Image> {
  const byName = new Map<string, Image>();
  for (const image of images.filter(isDeclarable)) byName.set(image.name, image);
  return byName;
}

/** The specification requires no field, and this one is for images with software. */
function titlesOf({ softwares }: Partial<Image>) {
  const titles = (softwares ?? []).map((one) => one.attributes.name);
  return titles.length > 0 && { software: titles.sort() };
}

const imageOf = (image: Image): DeclaredImage => ({
  name: image.name,
  ...titlesOf(image),
  ...(image.protected === true && { protected: true }),
});

/** Machines of one type on one image, as entries of at most a thousand. */
function groupsOf(now: Now, images: ReadonlyMap<string, Image>, isForAnother: boolean) {
  const typeOf = new Map(now.types.map(({ code, name }) => [code, name]));
  const counts = new Map<string, { type: string; image: string | undefined; count: number }>();
  for (const machine of now.machines) {
    const name = machine.assigned_image_name ?? undefined;
    const image = name !== undefined && isForAnother && !images.has(name) ? undefined : name;
    const type = typeOf.get(machine.machine_type) ?? machine.machine_type;
    const key = JSON.stringify([type, image]);
    const group = counts.get(key) ?? { type, image, count: 0 };
    counts.set(key, { ...group, count: group.count + 1 });
  }
  return [...counts.values()].flatMap(({ type, image, count }): DeclaredMachines[] => {
    const parts = Array.from({ length: Math.ceil(count / perGroupMax) }, (_, at) =>
      Math.min(perGroupMax, count - at * perGroupMax),
    );
    return parts.map((some) => ({ type, count: some, ...(image !== undefined && { image }) }));
  });
}

function comments(fleet: Fleet, now: Now, { source, isForAnother }: FleetOptions): string[] {
  const titles = [...new Set(wantedImages(fleet).flatMap(({ software }) => software))];
  const images = declared(now.images);
  const others = now.images.filter((one) => images.get(one.name) !== one);
  const types = [...new Set(now.machines.map((one) => one.machine_type))];
  const list = (names: readonly string[]) => names.map((name) => JSON.stringify(name)).join(', ');
  return [
    ` The fleet of ${source}. To compare or apply it: silversmith apply --file FILE --dry-run`,
    ' The API does not tell the bases of images; add base: NAME where it matters.',
    ...(now.hasMachines ? [] : [' The server tells no machines; declare them by hand.']),
    ...(titles.length > 0
      ? [` The images need these titles, which the operator adds under software: ${list(titles)}`]
      : []),
    ...(isForAnother && types.length > 0
      ? [
          ` The machines have these types, which the operator adds under machine_types: ${list(types)}`,
        ]
      : []),
    ...others.map(
      ({ id, name, source: made, status }) =>
        ` Not declared: image ${id} ${JSON.stringify(name)}, ${made === 'seat' ? 'a capture of a machine; carry it over with image export and image import' : status === 'failed' ? 'failed' : 'another one of its name'}`,
    ),
  ];
}

/** The keys as a file declares them: each name once. */
function keysOf(of: FleetOptions['of']): NonNullable<Fleet['keys']> {
  const byName = new Map((of?.keys ?? []).map((key) => [key.name, key]));
  return [...byName.values()].map(({ name, permissions }) => ({
    ...{ name, organisation: of?.name ?? '', permissions: [...permissions] },
  }));
}

/** The organisation as the text of a fleet file. */
export function fleetText(now: Now, options: FleetOptions): string {
  const images = declared(now.images);
  const types = now.types.map(({ name, cpus, memoryMb, diskGb }) => {
    const network = options.of?.machineTypes.find((one) => one.name === name)?.network ?? null;
    const sizes = { cpus, memory_mb: memoryMb, disk_gb: diskGb };
    return { name, ...sizes, ...(network !== null && { network }) };
  });
  const machines = groupsOf(now, images, options.isForAnother);
  const keys = keysOf(options.of);
  const fleet: Fleet = {
    version: 1,
    ...(types.length > 0 && { machine_types: types }),
    ...(images.size > 0 && { images: [...images.values()].map(imageOf) }),
    ...(machines.length > 0 && { machines }),
    ...(keys.length > 0 && { keys }),
  };
  const document = new Document(fleet);
  document.commentBefore = comments(fleet, now, options).join('\n');
  return document.toString({ lineWidth: 0 });
}

// Compares a fleet file with an organisation: the steps from one to the other. Pure, so that a dry
// run and the work see the same.

import { UsageError } from '../parse.ts';
import { didYouMean } from '../similar.ts';
import { type WantedImage, wantedImages } from './check.ts';
import type { Now } from './now.ts';
import type { DeclaredMachines, Fleet } from './schema.ts';

interface Named {
  id: number;
  name: string;
}

export type Step =
  /** Builds an image, or waits for one that is being made (`existing`). */
  | { kind: 'image'; image: WantedImage; existing: number | null; replaces: number | null }
  | { kind: 'create'; type: string; count: number; image: string | null }
  | { kind: 'assign'; image: string; machines: readonly Named[] }
  | { kind: 'protect'; image: string; protected: boolean }
  /** Deletes an image that another one of its name has replaced. */
  | { kind: 'delete'; image: Named };

export interface Plan {
  steps: readonly Step[];
  /** The things that the server lacks and only the operator can add. */
  lacks: readonly { noun: 'software' | 'base' | 'machine-type'; name: string }[];
}

type PlaceOf = (path: readonly (string | number)[]) => string;
type Image = Now['images'][number];

const sameList = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((one, at) => one === b[at]);

const softwareOf = (image: Image) => image.softwares.map((one) => one.attributes.name).sort();

/** The image of a name. Throws UsageError when several have it. */
function imageNamed(now: Now, name: string, place: string): Image | undefined {
  const [first, ...others] = now.images.filter((one) => one.name === name);
  if (first === undefined || others.length === 0) return first;
  const ids = [first, ...others].map(({ id }) => id).join(', ');
  throw new UsageError(
    `${place}: ${others.length + 1} images are named ${JSON.stringify(name)} (${ids}); delete all but one.`,
    'conflict',
  );
}

function imageSteps(wanted: WantedImage, found: Image | undefined): Step[] {
  const build = (replaces: number | null): Step => ({
    ...{ kind: 'image', image: wanted, existing: null, replaces },
  });
  const isLike = found !== undefined && sameList(softwareOf(found), wanted.software);
  const isGood = isLike && found.status !== 'failed';
  const steps: Step[] =
    found === undefined
      ? [build(null)]
      : !isGood
        ? [build(found.id)]
        : found.status === 'available'
          ? []
          : [{ kind: 'image', image: wanted, existing: found.id, replaces: null }];
  // A new image is not protected.
  const isProtected = isGood && found.protected === true;
  if (wanted.protected !== undefined && wanted.protected !== isProtected)
    steps.push({ kind: 'protect', image: wanted.name, protected: wanted.protected });
  return steps;
}

/** Machines are claimed by entries in the order of the file, each once. */
function machineSteps(fleet: Fleet, now: Now, placeOf: PlaceOf): Step[] {
  const claimed = new Set<number>();
  const imageIdOf = new Map(now.images.map((one) => [one.name, one.id]));
  const rebuilt = new Set(
    wantedImages(fleet)
      .filter((wanted) => {
        const found = now.images.find((one) => one.name === wanted.name);
        return imageSteps(wanted, found).some((step) => step.kind === 'image');
      })
      .map(({ name }) => name),
  );
  const assign = (image: string | undefined, machines: readonly Now['machines'][number][]) => {
    if (image === undefined) return [];
    const id = rebuilt.has(image) ? undefined : imageIdOf.get(image);
    const others = machines.filter((one) => one.assigned_image_id !== id || id === undefined);
    const step: Step = { kind: 'assign', image, machines: others };
    return others.length > 0 ? [step] : [];
  };
  const named = (entry: DeclaredMachines, at: number): Step[] => {
    const found = now.machines.filter((one) => one.name === entry.name);
    const [machine] = found;
    if (machine === undefined || found.length > 1)
      throw new UsageError(
        `${placeOf(['machines', at, 'name'])}: ${found.length === 0 ? 'there is no machine' : `${found.length} machines are`} named ${JSON.stringify(entry.name)}.${didYouMean(
          entry.name ?? '',
          now.machines.map(({ name }) => name),
        )}`,
        'not_found',
      );
    claimed.add(machine.id);
    return assign(entry.image, [machine]);
  };
  const grouped = ({ type = '', count = 1, image }: DeclaredMachines): Step[] => {
    const code = now.types.find((one) => one.name === type)?.code;
    const free = now.machines.filter((one) => one.machine_type === code && !claimed.has(one.id));
    const own = image === undefined ? undefined : imageIdOf.get(image);
    const fits = (one: Now['machines'][number]) =>
      image === undefined || one.assigned_image_id === null || one.assigned_image_id === own;
    const isOwn = (one: Now['machines'][number]) =>
      own !== undefined && one.assigned_image_id === own;
    const order = [...free.filter(isOwn), ...free.filter((one) => !isOwn(one) && fits(one))];
    const taken = order.slice(0, count);
    for (const { id } of taken) claimed.add(id);
    const lacking = count - taken.length;
    const create: Step[] =
      lacking > 0 ? [{ kind: 'create', type, count: lacking, image: image ?? null }] : [];
    return [...assign(image, taken), ...create];
  };
  const entries = (fleet.machines ?? []).map((entry, at) => ({ entry, at }));
  const isNamed = ({ entry }: { entry: DeclaredMachines }) => entry.name !== undefined;
  return [
    ...entries.filter(isNamed).flatMap(({ entry, at }) => named(entry, at)),
    ...entries.filter((one) => !isNamed(one)).flatMap(({ entry }) => grouped(entry)),
  ];
}

/** Refuses names that neither the file nor the server has. Throws UsageError. */
function assertKnown(fleet: Fleet, now: Now, placeOf: PlaceOf): void {
  const names = (...lists: readonly (readonly { name: string }[] | undefined)[]) =>
    lists.flatMap((list) => (list ?? []).map(({ name }) => name));
  const software = names(fleet.software, now.software);
  const bases = names(fleet.bases, now.bases);
  const types = names(fleet.machine_types, now.types);
  const images = names(fleet.images, now.images);
  const faults: string[] = [];
  const need = (
    noun: string,
    name: string | undefined,
    among: string[],
    path: (string | number)[],
  ) => {
    if (name !== undefined && !among.includes(name))
      faults.push(
        `${placeOf(path)}: there is no ${noun} ${JSON.stringify(name)}.${didYouMean(name, among)}`,
      );
  };
  for (const [at, image] of (fleet.images ?? []).entries()) {
    need('base image', image.base, bases, ['images', at, 'base']);
    for (const [index, name] of (image.software ?? []).entries())
      need('software', name, software, ['images', at, 'software', index]);
  }
  for (const [at, entry] of (fleet.machines ?? []).entries()) {
    need('machine type', entry.type, types, ['machines', at, 'type']);
    need('image', entry.image, images, ['machines', at, 'image']);
  }
  if (faults.length > 0)
    throw new UsageError([...faults, 'Nothing was changed.'].join('\n'), 'not_found');
}

/** Throws UsageError for a name that leads nowhere, or to several things. */
export function planOf(fleet: Fleet, now: Now, placeOf: PlaceOf): Plan {
  assertKnown(fleet, now, placeOf);
  const missing = (
    noun: Plan['lacks'][number]['noun'],
    declared: readonly { name: string }[] | undefined,
    there: readonly { name: string }[],
  ) =>
    (declared ?? [])
      .filter(({ name }) => !there.some((one) => one.name === name))
      .map(({ name }) => ({ noun, name }));
  const lacks = [
    ...missing('software', fleet.software, now.software),
    ...missing('base', fleet.bases, now.bases),
    ...missing('machine-type', fleet.machine_types, now.types),
  ];
  const images = wantedImages(fleet).flatMap((wanted, at) =>
    imageSteps(wanted, imageNamed(now, wanted.name, placeOf(['images', at, 'name']))),
  );
  for (const [at, { image }] of (fleet.machines ?? []).entries())
    if (image !== undefined) imageNamed(now, image, placeOf(['machines', at, 'image']));
  const isBuild = (step: Step) => step.kind === 'image';
  const gone = images.flatMap((step): Step[] => {
    if (step.kind !== 'image' || step.replaces === null) return [];
    return [{ kind: 'delete', image: { id: step.replaces, name: step.image.name } }];
  });
  const steps = [
    ...images.filter(isBuild),
    ...machineSteps(fleet, now, placeOf),
    ...images.filter((step) => !isBuild(step)),
    ...gone,
  ];
  return { steps, lacks };
}

/** A step as a line of the difference: + is added, ~ is changed, - goes. */
export function lineOfStep(step: Step): string {
  switch (step.kind) {
    case 'image': {
      const { name, base, software } = step.image;
      if (step.existing !== null) return `  image ${name} (${step.existing}): is being made`;
      const made = `${base ?? 'the newest base'} with ${software.join(', ') || 'no software'}`;
      return step.replaces === null
        ? `+ image ${name}: ${made}`
        : `~ image ${name} (${step.replaces}): made anew, of ${made}`;
    }
    case 'create':
      return `+ ${step.count} machines of type ${step.type}${step.image === null ? '' : `, on image ${step.image}`}`;
    case 'assign': {
      const names = step.machines.slice(0, 10).map(({ id, name }) => `${id} (${name})`);
      const rest = step.machines.length - names.length;
      return `~ machines ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}: image ${step.image} at their next start`;
    }
    case 'protect':
      return `~ image ${step.image}: ${step.protected ? '' : 'not '}protected`;
    case 'delete':
      return `- image ${step.image.id} (${step.image.name}): deleted when the new one is there; it can be restored`;
  }
}

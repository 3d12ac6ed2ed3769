// The checker of the soak. A history is a list of calls, each with its answer and with the two
// moments between which it took effect. The checker looks for an answer that no order of effects
// explains; whether an image exists, and what a machine has, are registers (register.ts).

import { type ImageStatus, imageMayBecome, imageStatuses } from '../../src/domain/image.ts';
import { before, type Interval, origin, type Read, unexplained, type Write } from './register.ts';

export interface Call extends Interval {
  name: string;
  input: { id?: number; machine_id?: number; machine_ids?: number[]; name?: string };
  /** 200, or the client_code of the refusal. */
  code: number;
  /** The HTTP status. */
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  answer: any;
  /** The request ids of its attempts; the audit trail has one of them. */
  requestIds: string[];
}

const ok = (call: Call) => call.code === 200;
const describe = (call: Call) =>
  `${call.name} ${call.input.id ?? ''} at ${call.invokedAt.toFixed(0)}`;

/**
 * Returns a sentence for each answer that cannot be true; none when all answers fit together.
 * `losses`: when a host lost its power, with any machines that were on it.
 */
export function check(history: readonly Call[], losses: readonly Interval[] = []): string[] {
  return [
    ...history
      .filter((call) => call.status >= 500)
      .map((call) => `${describe(call)} was answered ${call.status}`),
    ...checkImages(history),
    ...checkStatuses(history),
    ...checkMachines(history, losses),
  ];
}

/**
 * An image exists from its acknowledged creation until its acknowledged deletion, and again from
 * its restoration.
 */
function checkImages(history: readonly Call[]): string[] {
  const created = history.filter(
    (call) => ok(call) && ['imageCapture', 'imageInstall'].includes(call.name),
  );
  return created.flatMap((creation) => {
    const id = Number(creation.answer.attributes.id);
    const of = (name: string) =>
      history.filter((call) => call.name === name && call.input.id === id);
    const writes: Write<string>[] = [
      { ...origin, value: 'gone', what: 'nothing' },
      { ...creation, value: 'there', what: describe(creation) },
      ...of('imageDelete')
        .filter(ok)
        .map((call) => ({ ...call, value: 'gone', what: describe(call) })),
      ...of('imageRestore')
        .filter(ok)
        .map((call) => ({ ...call, value: 'there', what: describe(call) })),
    ];
    const reads: Read<string>[] = of('imageGet')
      .filter((call) => ok(call) || call.status === 404)
      .map((call) => ({ ...call, value: ok(call) ? 'there' : 'gone', what: describe(call) }));
    const lists = history.filter((call) => call.name === 'imageList' && ok(call));
    for (const call of lists) {
      const seen = call.answer.images.some((image: { id: string }) => Number(image.id) === id);
      // A list that does not show all images does not tell which others exist.
      if (seen || call.answer.count === call.answer.images.length)
        reads.push({ ...call, value: seen ? 'there' : 'gone', what: describe(call) });
    }
    return unexplained(`image ${id}`, writes, reads);
  });
}

const reachable = (from: ImageStatus, to: ImageStatus): boolean =>
  from === to || imageStatuses.some((next) => imageMayBecome(from, next) && reachable(next, to));

/** An image's status changes only as the domain allows. */
function checkStatuses(history: readonly Call[]): string[] {
  const seen = new Map<number, (Interval & { status: ImageStatus })[]>();
  for (const call of history.filter(ok)) {
    const shown =
      call.name === 'imageList'
        ? call.answer.images
        : call.name.startsWith('image')
          ? [call.answer]
          : [];
    for (const { attributes } of shown as { attributes?: { id: number; status: ImageStatus } }[]) {
      if (!attributes) continue;
      const list = seen.get(Number(attributes.id)) ?? [];
      seen.set(Number(attributes.id), [...list, { ...call, status: attributes.status }]);
    }
  }
  return [...seen].flatMap(([id, shown]) => {
    const inOrder = shown.sort((a, b) => a.completedAt - b.completedAt);
    return inOrder.flatMap((one, index) =>
      inOrder
        .slice(index + 1)
        .filter((other) => before(one, other) && !reachable(one.status, other.status))
        .map((other) => `image ${id} was ${one.status} and then ${other.status}`)
        .slice(0, 1),
    );
  });
}

/** The image that is assigned to each machine, and at the end whether the machine is on. */
function checkMachines(history: readonly Call[], losses: readonly Interval[]): string[] {
  const reads = history.filter((call) => call.name === 'machineGet' && ok(call));
  const ids = [...new Set(reads.map((call) => Number(call.input.id)))];
  return ids.flatMap((id) => {
    const own = reads.filter((call) => Number(call.input.id) === id);
    const images = own.map((call) => ({ ...call, value: imageOf(call), what: describe(call) }));
    // A machine changes its state after the answer. So only the last read counts, after all work
    // has ended: then the machine must have the state that the last request asked for.
    const last = own.slice(-1).map((call) => ({
      ...call,
      value: String(call.answer.attributes.friendly_status),
      what: describe(call),
    }));
    const atRest = last.filter(({ value }) => ['ready', 'off'].includes(value));
    return [
      ...unexplained(`the image of machine ${id}`, assignmentsOf(history, id), images),
      ...unexplained(
        `the power of machine ${id}`,
        [...powersOf(history, id), ...losses.map(lost)],
        atRest,
      ),
    ];
  });
}

const imageOf = (call: Call): number | null => {
  const id = call.answer.attributes.assigned_image_id ?? null;
  return id === null ? null : Number(id);
};

/** The acknowledged calls on a machine, by name. An assignment names it in `machine_ids`. */
const callsOn = (history: readonly Call[], id: number, ...names: string[]) =>
  history.filter(
    (call) =>
      ok(call) &&
      names.includes(call.name) &&
      (call.name.startsWith('machine') ? [call.input.id] : call.input.machine_ids)?.includes(id),
  );

/** The calls that may have written which image is assigned to a machine. */
function assignmentsOf(history: readonly Call[], id: number): Write<number | null>[] {
  const ofImages = (name: string) => history.filter((call) => ok(call) && call.name === name);
  return [
    { ...origin, value: null, what: 'nothing' },
    ...callsOn(history, id, 'imageAssign').map((call) => ({
      ...call,
      value: Number(call.input.id),
      what: describe(call),
    })),
    ...ofImages('imageDelete').map((call) => ({
      ...{ ...call, value: null, what: describe(call) },
      onlyOver: Number(call.input.id),
    })),
    // A restored image is assigned again to its machines, except those that got another image
    // since.
    ...ofImages('imageRestore').map((call) => ({
      ...{ ...call, value: Number(call.input.id), what: describe(call) },
      maybe: true as const,
    })),
    // The answer does not tell which image the restored disk was made from.
    ...callsOn(history, id, 'machineRestore').map((call) => ({
      ...call,
      value: undefined,
      what: describe(call),
    })),
  ];
}

const lost = (loss: Interval): Write<string> => ({
  ...{ ...loss, value: 'off', what: 'a loss of power' },
  maybe: true,
});

/** The calls that turn a machine on or off. */
function powersOf(history: readonly Call[], id: number): Write<string>[] {
  const write = (value: string) => (call: Call) => ({ ...call, value, what: describe(call) });
  return [
    { ...origin, value: 'off', what: 'nothing' },
    ...callsOn(history, id, 'machineStart').map(write('ready')),
    ...callsOn(history, id, 'machineStop', 'imageAssign').map(write('off')),
  ];
}

/** The audit trail has each acknowledged change, and no change that was refused. */
export function checkAudit(
  history: readonly Call[],
  logs: readonly { request_id: string; client_code: number }[],
): string[] {
  const accepted = new Set(
    logs.filter((entry) => entry.client_code === 200).map((entry) => entry.request_id),
  );
  return history
    .filter((call) => !/(Get|List)$/.test(call.name))
    .flatMap((call) => {
      const recorded = call.requestIds.some((id) => accepted.has(id));
      if (ok(call) === recorded) return [];
      return [`${describe(call)} was answered ${call.code}, and the audit trail says otherwise`];
    });
}

// The checker of the soak. A history is a list of calls, each with its answer and with the two
// moments between which it took effect. The checker looks for an answer that no order of effects
// explains, as checkers of registers do: a call that began before the read ended must have written
// the value that the read saw, and no call wholly between the two may have overwritten it.

import { type ImageStatus, imageMayBecome, imageStatuses } from '../../src/domain/image.ts';

export interface Call {
  name: string;
  input: { id?: number; machine_id?: number; machine_ids?: number[]; name?: string };
  /**
   * ms on a clock that never goes back. A call that was repeated until it was answered spans all of
   * its attempts.
   */
  invokedAt: number;
  completedAt: number;
  /** 200, or the client_code of the refusal. */
  code: number;
  /** The HTTP status. */
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  answer: any;
  /** The request ids of its attempts; the audit trail has one of them. */
  requestIds: string[];
}

type Interval = Pick<Call, 'invokedAt' | 'completedAt'>;
const before = (one: Interval, other: Interval) => one.completedAt < other.invokedAt;

interface Write<Value> extends Interval {
  /** Undefined: it is not known which value was written. */
  value: Value | undefined;
  /** It wrote only if the register had this value. */
  onlyOver?: Value;
  /** It is not known whether it wrote at all. */
  maybe?: true;
  what: string;
}
interface Read<Value> extends Interval {
  value: Value;
  what: string;
}

/**
 * Returns a sentence for each read of one register that no order of the writes explains. `writes`
 * has the initial value, too.
 */
function unexplained<Value>(
  register: string,
  writes: Write<Value>[],
  reads: Read<Value>[],
): string[] {
  return reads.flatMap((read) => {
    const candidates = writes.filter(
      (write) =>
        (write.value === undefined || write.value === read.value) &&
        write.invokedAt < read.completedAt,
    );
    const holds = candidates.some(
      (write) =>
        !writes.some(
          (other) =>
            other !== write &&
            other.value !== undefined &&
            !other.maybe &&
            other.value !== read.value &&
            (other.onlyOver === undefined || other.onlyOver === read.value) &&
            before(write, other) &&
            before(other, read),
        ),
    );
    return holds ? [] : [`${register}: ${read.what} saw ${read.value}, which nothing explains`];
  });
}

const ok = (call: Call) => call.code === 200;
const origin: Interval = {
  invokedAt: Number.NEGATIVE_INFINITY,
  completedAt: Number.NEGATIVE_INFINITY,
};
const told = (call: Call) => `${call.name} ${call.input.id ?? ''} at ${call.invokedAt.toFixed(0)}`;

/** Returns a sentence for each answer that cannot be true; none when all answers fit together. */
export function check(history: readonly Call[]): string[] {
  return [
    ...history
      .filter((call) => call.status >= 500)
      .map((call) => `${told(call)} was answered ${call.status}`),
    ...checkImages(history),
    ...checkStatuses(history),
    ...checkMachines(history),
  ];
}

/**
 * An image is there from its acknowledged creation until its acknowledged deletion, and again from
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
      { ...creation, value: 'there', what: told(creation) },
      ...of('imageDelete')
        .filter(ok)
        .map((call) => ({ ...call, value: 'gone', what: told(call) })),
      ...of('imageRestore')
        .filter(ok)
        .map((call) => ({ ...call, value: 'there', what: told(call) })),
    ];
    const reads: Read<string>[] = of('imageGet')
      .filter((call) => ok(call) || call.status === 404)
      .map((call) => ({ ...call, value: ok(call) ? 'there' : 'gone', what: told(call) }));
    const lists = history.filter((call) => call.name === 'imageList' && ok(call));
    for (const call of lists) {
      const seen = call.answer.images.some((image: { id: string }) => Number(image.id) === id);
      // A list that does not show all images does not tell which others exist.
      if (seen || call.answer.count === call.answer.images.length)
        reads.push({ ...call, value: seen ? 'there' : 'gone', what: told(call) });
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
function checkMachines(history: readonly Call[]): string[] {
  const reads = history.filter((call) => call.name === 'machineGet' && ok(call));
  const ids = [...new Set(reads.map((call) => Number(call.input.id)))];
  return ids.flatMap((id) => {
    const mine = history.filter(
      (call) =>
        ok(call) &&
        // An image may have the same id as a machine, so the name of the call decides.
        ((call.name.startsWith('machine') && call.input.id === id) ||
          (call.name === 'imageAssign' && call.input.machine_ids?.includes(id)) ||
          ['imageDelete', 'imageRestore'].includes(call.name)),
    );
    const of = (...names: string[]) => mine.filter((call) => names.includes(call.name));
    const assigned: Write<number | null>[] = [
      { ...origin, value: null, what: 'nothing' },
      ...of('imageAssign').map((call) => ({
        ...call,
        value: Number(call.input.id),
        what: told(call),
      })),
      ...of('imageDelete').map((call) => ({
        ...{ ...call, value: null, what: told(call) },
        onlyOver: Number(call.input.id),
      })),
      // A restored image is assigned again to its machines, but for those that have another one
      // since.
      ...of('imageRestore').map((call) => ({
        ...{ ...call, value: Number(call.input.id), what: told(call) },
        maybe: true as const,
      })),
      // The answer does not tell which image the restored disk was made from.
      ...of('machineRestore').map((call) => ({ ...call, value: undefined, what: told(call) })),
    ];
    const power: Write<string>[] = [
      { ...origin, value: 'off', what: 'nothing' },
      ...of('machineStart').map((call) => ({ ...call, value: 'ready', what: told(call) })),
      ...of('machineStop', 'imageAssign').map((call) => ({
        ...call,
        value: 'off',
        what: told(call),
      })),
    ];
    const own = reads.filter((call) => Number(call.input.id) === id);
    return [
      ...unexplained(
        `the image of machine ${id}`,
        assigned,
        own.map((call) => ({ ...call, value: imageOf(call), what: told(call) })),
      ),
      // A machine changes its state after the answer. So only the last read counts, when all is at
      // rest: then the machine must be as the last request asked.
      ...unexplained(
        `the power of machine ${id}`,
        power,
        own
          .filter(
            (call) =>
              call === own.at(-1) &&
              ['ready', 'off'].includes(call.answer.attributes.friendly_status),
          )
          .map((call) => ({
            ...call,
            value: String(call.answer.attributes.friendly_status),
            what: told(call),
          })),
      ),
    ];
  });
}

const imageOf = (call: Call): number | null => {
  const id = call.answer.attributes.assigned_image_id ?? null;
  return id === null ? null : Number(id);
};

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
      return [`${told(call)} was answered ${call.code}, and the audit trail says otherwise`];
    });
}

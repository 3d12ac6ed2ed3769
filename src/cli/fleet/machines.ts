// Makes the machines that a fleet lacks. Before each request it looks how many there are now,
// because another run may have made some.

import type { Client } from '../../client/client.ts';
import { everyItem, type PlaceInList } from '../../client/page.ts';
import { UsageError } from '../parse.ts';
import { atOnce, keyOf, unlessConflict } from './at-once.ts';
import type { Now } from './now.ts';
import type { Step } from './plan.ts';

const perRequest = 100;
const assignedPerRequest = 1000;
/** Requests in a row that lead to no machine, because their keys were used before. */
const vainMax = 20;

type Create = Extract<Step, { kind: 'create' }>;

export class NewMachines {
  readonly #client: Client;
  readonly #now: Now;
  /** How many machines of a type there are when all entries until now have theirs. */
  readonly #wanted = new Map<string, number>();

  constructor(client: Client, now: Now) {
    this.#client = client;
    this.#now = now;
  }

  /**
   * Makes the machines of an entry, and assigns the image to them. Throws UsageError when it cannot
   * be told what another run makes.
   */
  async make({ type: name, count }: Create, image: number | null): Promise<void> {
    const type = this.#now.types.find((one) => one.name === name);
    if (type === undefined)
      throw new UsageError(
        `There is no machine type ${JSON.stringify(name)} any more.`,
        'conflict',
      );
    const known = this.#now.machines.filter((one) => one.machine_type === type.code);
    const wanted = (this.#wanted.get(type.code) ?? known.length) + count;
    this.#wanted.set(type.code, wanted);
    const answered = new Set<number>();
    for (let before = -1, vain = 0; ; ) {
      const there = new Set([...known.map(({ id }) => id), ...(await this.#madeSince(type.code))]);
      const own = [...answered].filter((id) => there.has(id));
      const lacking = Math.min(wanted - there.size, count - own.length);
      if (lacking <= 0) return image === null ? undefined : assign(this.#client, image, own);
      // A kept answer of long ago, or of another request, has made nothing.
      vain = there.size === before ? vain + 1 : 0;
      if (vain > vainMax) throw atOnce(`machines of type ${name}`);
      before = there.size;
      const input = { plan_id: type.id, quantity: Math.min(lacking, perRequest) };
      const state = [...there].sort((a, b) => a - b);
      const idempotencyKey = await keyOf('machines', type.id, state, vain);
      const call = this.#client.machineCreate(input, { idempotencyKey });
      for (const { attributes } of (await call.catch(unlessConflict))?.machines ?? [])
        answered.add(attributes.id);
    }
  }

  /** The machines of a type that were made since the state was read. */
  async #madeSince(code: string): Promise<number[]> {
    const newest = Math.max(0, ...this.#now.machines.map(({ id }) => id));
    const made: number[] = [];
    const ask = async (place: PlaceInList) => {
      const answer = await this.#client.machineList({ ...place, per_page: perRequest });
      return { ...answer, items: answer.machines };
    };
    for await (const { attributes: one } of everyItem(perRequest, ask)) {
      if (one.id <= newest) break;
      if (one.machine_type === code) made.push(one.id);
    }
    return made;
  }
}

/** Assigns an image to any number of machines. */
export async function assign(
  client: Client,
  id: number,
  machines: readonly number[],
): Promise<void> {
  for (let from = 0; from < machines.length; from += assignedPerRequest)
    await client.imageAssign({ id, machine_ids: machines.slice(from, from + assignedPerRequest) });
}

// The state that the tests of the store's contract begin with: an empty store with a clock that is
// moved by hand, two organisations, and functions that add common rows.

import type {
  DiskId,
  ImageId,
  JobId,
  KeyId,
  LayerId,
  MachineId,
  OrganisationId,
  TransferId,
  WebhookId,
} from '../../../src/domain/ids.ts';
import type { Image } from '../../../src/domain/image.ts';
import { type Job, type JobKind, jobKindNames, type NewJob } from '../../../src/domain/job.ts';
import type { Machine } from '../../../src/domain/machine.ts';
import type { Transfer } from '../../../src/domain/transfer.ts';
import type { DeliveryState } from '../../../src/domain/webhook.ts';
import type { NewDisk } from '../../../src/store/port/disk.ts';
import type { NewLayer } from '../../../src/store/port/layer.ts';
import type { Reader, Scope, Store, Writer } from '../../../src/store/port/unit-of-work.ts';
import type { Scope as TestScope } from '../../support.ts';

/** Opens an empty store, and closes and removes it after the test. */
export type MakeStore = (t: TestScope, now: () => number) => Promise<Store>;

export const startsAt = 1_000_000_000_000;

export const tenOfEach = Object.fromEntries(jobKindNames.map((kind) => [kind, 10])) as Record<
  JobKind,
  number
>;

export class World {
  readonly store: Store;
  readonly ours: OrganisationId;
  readonly theirs: OrganisationId;
  readonly machineTypeId: Machine['machineTypeId'];
  readonly #time: { now: number };
  #serial = 0;

  constructor(
    store: Store,
    time: { now: number },
    known: { ours: OrganisationId; theirs: OrganisationId; type: Machine['machineTypeId'] },
  ) {
    this.store = store;
    this.#time = time;
    this.ours = known.ours;
    this.theirs = known.theirs;
    this.machineTypeId = known.type;
  }

  now(): number {
    return this.#time.now;
  }

  advance(ms: number): void {
    this.#time.now += ms;
  }

  read<Result>(work: (reader: Reader) => Promise<Result>, scope: Scope = 'system') {
    return this.store.read(scope, work);
  }

  write<Result>(work: (writer: Writer) => Promise<Result>, scope: Scope = 'system') {
    return this.store.write(scope, work);
  }

  /** Makes a new text, for rows whose key is a text. */
  newText(): string {
    this.#serial++;
    return `text-${String(this.#serial).padStart(4, '0')}`;
  }

  async layer(change: Partial<NewLayer> = {}): Promise<LayerId> {
    const id = change.id ?? (this.newText() as LayerId);
    const layer: NewLayer = {
      id,
      kind: 'capture',
      parentId: null,
      baseLayerId: id,
      key: null,
      state: 'sealed',
      virtualBytes: 1000,
      storedBytes: 10,
      jobId: null,
      organisationId: null,
      boot: { mode: 'bios' },
      ...change,
    };
    await this.write((work) => work.layers.add(layer));
    return id;
  }

  /** Adds a chain of so many layers; returns them, the root first. */
  async chain(length: number, change: Partial<NewLayer> = {}): Promise<LayerId[]> {
    const ids: LayerId[] = [];
    for (let height = 0; height < length; height++) {
      const parentId = ids.at(-1) ?? null;
      const below =
        parentId === null ? {} : { parentId, baseLayerId: ids[0] as LayerId, boot: null };
      ids.push(await this.layer({ ...change, ...below }));
    }
    return ids;
  }

  image(name: string | null = null, organisationId = this.ours): Promise<Image> {
    const rest = { sizeGb: 1, source: 'seat', baseImageId: null, machineId: null } as const;
    return this.write((work) => work.images.add({ organisationId, name, ...rest }), organisationId);
  }

  /** Adds an available image on a layer. */
  async imageOn(layerId: LayerId, organisationId = this.ours): Promise<ImageId> {
    const { id } = await this.image(null, organisationId);
    await this.write(async (work) => {
      await work.images.become(id, 'building');
      await work.images.become(id, 'available', { layerId });
    });
    return id;
  }

  async machine(organisationId = this.ours, name: string | null = null): Promise<MachineId> {
    const size = { machineType: 's', cpus: 1, memoryMb: 512, diskSizeGb: 10 };
    const rest = { region: null, permissions: {}, assignedImageId: null };
    const { machineTypeId } = this;
    const machine = await this.write(
      (work) => work.machines.add({ organisationId, machineTypeId, ...size, ...rest }, name),
      organisationId,
    );
    return machine.id;
  }

  async disk(machineId: MachineId, layerId: LayerId, change: Partial<NewDisk> = {}) {
    const id = this.newText() as DiskId;
    await this.write(async (work) => {
      const { organisationId } = await work.machines.get(machineId);
      const rest = { state: 'active', sizeGb: 10, imageId: null, replacesId: null } as const;
      await work.disks.add({ id, organisationId, machineId, layerId, ...rest, ...change });
    });
    return id;
  }

  async transfer(organisationId = this.ours, change: Partial<Transfer> = {}): Promise<TransferId> {
    const id = this.newText() as TransferId;
    const transfer: Omit<Transfer, 'createdAt' | 'statusReason'> = {
      id,
      organisationId,
      kind: 'import',
      format: 'qcow2',
      imageId: null,
      name: 'import',
      status: 'receiving',
      bytes: 100,
      heldBytes: 100,
      receivedBytes: 0,
      sha256: null,
      manifest: null,
      signature: null,
      attestation: null,
      expiresAt: this.now() + 1000,
      ...change,
    };
    await this.write((work) => work.transfers.add(transfer), organisationId);
    return id;
  }

  async key(organisationId = this.ours): Promise<KeyId> {
    const id = this.newText() as KeyId;
    const secret = { secretSealed: 'sealed', masterKeyId: 'master' };
    await this.write((work) =>
      work.keys.add({
        id,
        organisationId,
        name: 'key',
        ...secret,
        permissions: [],
        expiresAt: null,
      }),
    );
    return id;
  }

  /** Adds a webhook with a delivery. */
  async webhook(organisationId = this.ours, state: DeliveryState = 'waiting') {
    const id = this.newText() as WebhookId;
    const rest = { url: 'https://a.test/', types: [], secretSealed: 's', afterId: 0 };
    return this.write(async (work) => {
      const webhook = await work.webhooks.add({ id, organisationId, ...rest });
      const delivery = { subject: 'image:1', type: 'image.changed', body: '{}' };
      await work.webhooks.enqueue(webhook, [delivery], 1);
      const [added] = await work.webhooks.deliveries(id, 1);
      const deliveryId = added?.id ?? 0;
      if (state !== 'waiting')
        await work.webhooks.updateDelivery(deliveryId, { state, endedAt: work.now() });
      return { webhook: { ...webhook, afterId: 1 }, deliveryId };
    });
  }

  async job(job: NewJob): Promise<JobId> {
    return this.write(async (work) => {
      await work.jobs.enqueue([job]);
      const open = await work.jobs.open(10_000);
      return (open.at(-1) as Job).id;
    });
  }

  /** Adds a job of a new machine. */
  async machineJob(): Promise<JobId> {
    const machineId = await this.machine();
    return this.job({ kind: 'machineStart', organisationId: this.ours, machineId });
  }

  async claim(id: JobId, owner: string, leaseMs = 1000): Promise<Job | undefined> {
    return (await this.write((work) => work.jobs.claim([id], owner, leaseMs)))[0];
  }
}

export type MakeWorld = (t: TestScope) => Promise<World>;

export const makeWorldWith =
  (make: MakeStore): MakeWorld =>
  async (t) => {
    const time = { now: startsAt };
    const store = await make(t, () => time.now);
    const known = await store.write('system', async (work) => {
      const ours = await work.organisations.ensure('ours');
      const theirs = await work.organisations.ensure('theirs');
      const size = { cpus: 1, memoryMb: 512, diskSizeGb: 10 };
      const type = await work.machineTypes.add({ name: 'Small', code: 'small', ...size });
      return { ours, theirs, type: type.id };
    });
    return new World(store, time, known);
  };

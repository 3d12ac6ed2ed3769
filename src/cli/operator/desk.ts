// The operator's functions as commands use them: on the data directory of this host
// (local-desk.ts), or over the operator's API of a server (far-desk.ts).

import type { auditList } from '../../app/operator/audit.ts';
import type { baseAdd, baseGet, baseList, Trial } from '../../app/operator/base.ts';
import type { baseHeal } from '../../app/operator/base-heal.ts';
import type { cacheList, cachePrune } from '../../app/operator/cache.ts';
import type { keyCreate, keyList, keyRotate, NewKey } from '../../app/operator/key.ts';
import type { layerList, layerVerify } from '../../app/operator/layer.ts';
import type { layerBoard } from '../../app/operator/layer-board.ts';
import type { machineExec, memberList } from '../../app/operator/machine.ts';
import type { Offer } from '../../app/operator/offer.ts';
import type { organisationList } from '../../app/operator/organisation.ts';
import type { NewSoftware, softwareAdd, softwareList } from '../../app/operator/software.ts';
import type { storageGet } from '../../app/operator/storage.ts';
import type { templateList, templateMake } from '../../app/operator/template.ts';
import type { GivenBoot } from '../../domain/boot.ts';
import type {
  BaseImageId,
  ImageId,
  KeyId,
  LayerId,
  MachineId,
  MachineTypeId,
  SoftwareId,
  TemplateId,
} from '../../domain/ids.ts';
import type { MachineType, NewMachineType } from '../../domain/machine-type.ts';
import type { OfferKind } from '../../domain/offer.ts';
import type { Quotas } from '../../domain/organisation.ts';
import type { TemplatePolicy } from '../../domain/template.ts';
import type { Finding } from '../../reconcile/findings.ts';

type Result<Of extends (...given: never[]) => unknown> = Promise<Awaited<ReturnType<Of>>>;

/** A base, by paths on the host of the command. */
export interface GivenBase {
  name: string;
  /** `wanted` is the name of the disk in an archive. */
  files: { disk: string; wanted?: string; kernel?: string; initrd?: string };
  boot: GivenBoot;
  version?: string | null | undefined;
  hold?: boolean | undefined;
  awaitsTrial?: boolean;
}

/** A title, by paths on the host of the command. */
export interface GivenTitle extends Omit<NewSoftware, 'files'> {
  files: readonly string[];
}

/** A signal ends long work within seconds, and the work is undone. */
export interface Desk {
  organisationList(): Result<typeof organisationList>;
  organisationGeneralize(name: string, on: boolean): Promise<void>;
  /** Changes the quotas that are given, and returns all of them. */
  organisationQuotaSet(name: string, given: Partial<Quotas>): Promise<Quotas>;
  keyList(): Result<typeof keyList>;
  keyCreate(given: NewKey): Result<typeof keyCreate>;
  keyRotate(id: KeyId, overlapMs: number): Result<typeof keyRotate>;
  /** `itself`: also when it is the key that signs the request. */
  keyRevoke(id: KeyId, itself: boolean): Promise<void>;
  machineTypeList(): Promise<MachineType[]>;
  machineTypeAdd(type: NewMachineType): Promise<{ id: number }>;
  offerList(): Promise<Offer[]>;
  offerRetire(kind: OfferKind, id: number, retired: boolean): Promise<Offer>;
  offerRemove(kind: OfferKind, id: number): Promise<void>;
  baseNewestSet(id: number, allowed: boolean): Promise<Offer>;
  baseList(): Result<typeof baseList>;
  /** Throws not-found. */
  baseGet(id: BaseImageId): Result<typeof baseGet>;
  /** Adds a base, and says what is known against it. */
  baseAdd(base: GivenBase): Promise<{
    added: Awaited<ReturnType<typeof baseAdd>>;
    warnings: string[];
  }>;
  /** Gives a damaged base its bytes back, from a path on the host of the command. */
  baseHeal(
    id: BaseImageId,
    from: { file: string; wanted?: string | undefined },
  ): Result<typeof baseHeal>;
  baseTry(id: BaseImageId, timeoutMs: number): Promise<Trial>;
  softwareList(): Result<typeof softwareList>;
  softwareAdd(title: GivenTitle): Result<typeof softwareAdd>;
  softwareUpdate(id: SoftwareId, title: GivenTitle): Result<typeof softwareAdd>;
  /** Null: as the setting of the server says. */
  organisationTemplatesSet(name: string, policy: TemplatePolicy | null): Promise<void>;
  templateList(): Result<typeof templateList>;
  templateMake(
    imageId: ImageId,
    machineTypeId: MachineTypeId | undefined,
  ): Result<typeof templateMake>;
  templateDelete(id: TemplateId): Promise<void>;
  machineList(): Promise<{ id: MachineId; name: string }[]>;
  machineExec(id: MachineId, command: readonly string[]): Result<typeof machineExec>;
  memberList(): Result<typeof memberList>;
  storageGet(): Result<typeof storageGet>;
  /** `deep`: reads every layer first. */
  doctor(deep: boolean): Promise<Finding[]>;
  layerList(): Result<typeof layerList>;
  /** Undefined: the newest board of the host of the engine. */
  layerBoard(id: LayerId, board: string | undefined): Result<typeof layerBoard>;
  layerVerify(ids: readonly string[]): Result<typeof layerVerify>;
  cacheList(): Result<typeof cacheList>;
  cachePrune(keepBytes: number): Result<typeof cachePrune>;
  auditList(limit: number): Result<typeof auditList>;
}

// The operator's functions as commands use them: on the data directory of this host (local-desk.ts),
// or over the operator's API of a server (far-desk.ts).

import type { auditList } from '../../app/operator/audit.ts';
import type { cacheList, cachePrune } from '../../app/operator/cache.ts';
import type { keyCreate, keyList, keyRotate, NewKey } from '../../app/operator/key.ts';
import type { layerList } from '../../app/operator/layer.ts';
import type { Offer } from '../../app/operator/offer.ts';
import type { organisationList } from '../../app/operator/organisation.ts';
import type { storageGet } from '../../app/operator/storage.ts';
import type { KeyId } from '../../domain/ids.ts';
import type { NewMachineType } from '../../domain/machine-type.ts';
import type { OfferKind } from '../../domain/offer.ts';
import type { Quotas } from '../../domain/organisation.ts';
import type { Finding } from '../../reconcile/findings.ts';

type Result<Of extends (...given: never[]) => unknown> = Promise<Awaited<ReturnType<Of>>>;

type Layers = Awaited<ReturnType<typeof layerList>>;
type Step = Awaited<ReturnType<typeof cacheList>>[number];
/** The fields of a layer that the API has; the host prints more of them as JSON. */
type Shown = 'id' | 'kind' | 'parentId' | 'state' | 'virtualBytes' | 'storedBytes' | 'usedAt';

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
  machineTypeAdd(type: NewMachineType): Promise<{ id: number }>;
  offerList(): Promise<Offer[]>;
  offerRetire(kind: OfferKind, id: number, retired: boolean): Promise<Offer>;
  offerRemove(kind: OfferKind, id: number): Promise<void>;
  baseNewestSet(id: number, allowed: boolean): Promise<Offer>;
  storageGet(): Result<typeof storageGet>;
  /** `deep`: reads every layer first. */
  doctor(deep: boolean): Promise<Finding[]>;
  layerList(): Promise<{
    layers: Pick<Layers['layers'][number], Shown | 'digest' | 'verifiedAt' | 'fault'>[];
    orphans: Layers['orphans'];
  }>;
  cacheList(): Promise<Pick<Step, Shown | 'inUse'>[]>;
  cachePrune(keepBytes: number): Result<typeof cachePrune>;
  auditList(limit: number): Result<typeof auditList>;
}

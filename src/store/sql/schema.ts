// The types of the tables. Times are integers, in ms since 1970. A yes-or-no fact is a time that is
// null for no. Lists and objects are JSON text. Columns are snake_case in SQL and camelCase here.

import type { Generated, Kysely, Transaction } from 'kysely';
import type { AccessLink } from '../../domain/access.ts';
import type { Admission, Held } from '../../domain/account.ts';
import type { AuditEntry } from '../../domain/audit.ts';
import type { BaseImage } from '../../domain/base.ts';
import type { Disk } from '../../domain/disk.ts';
import type { FleetEvent } from '../../domain/event.ts';
import type { FileDifferenceRow } from '../../domain/file-difference.ts';
import type { Capacity, Freeze, Orphan } from '../../domain/host.ts';
import type {
  BaseImageId,
  ImageId,
  JobId,
  KeyId,
  MachineId,
  MachineTypeId,
  OrganisationId,
  SoftwareId,
} from '../../domain/ids.ts';
import type { BuildStep, Image } from '../../domain/image.ts';
import type { Installation } from '../../domain/installation.ts';
import type { IntakePart } from '../../domain/intake.ts';
import type { Begun, Job } from '../../domain/job.ts';
import type { Layer } from '../../domain/layer.ts';
import type { LayerCopy } from '../../domain/layer-copy.ts';
import type { Machine } from '../../domain/machine.ts';
import type { KeptForward, MachineNetwork } from '../../domain/machine-network.ts';
import type { OperatorEntry } from '../../domain/operator-audit.ts';
import type { OperatorKey } from '../../domain/operator-key.ts';
import type { PackageListRow } from '../../domain/package-list.ts';
import type { Software } from '../../domain/software.ts';
import type { Template, TemplatePolicy } from '../../domain/template.ts';
import type { Transfer } from '../../domain/transfer.ts';
import type { Upload } from '../../domain/upload.ts';
import type { Delivery, Webhook } from '../../domain/webhook.ts';

type Row<Value, Id, Json extends keyof Value = never> = Omit<Value, 'id' | Json> & {
  id: Generated<Id>;
} & {
  [Key in Json]: string;
};

export interface Database {
  organisation: {
    id: Generated<OrganisationId>;
    name: string;
    createdAt: number;
    quotas: Generated<string>;
    generalizeAt: number | null;
    templates: TemplatePolicy | null;
  };
  accessKey: {
    id: KeyId;
    organisationId: OrganisationId;
    name: string;
    secretSealed: string;
    masterKeyId: string;
    permissions: string;
    createdAt: number;
    revokedAt: number | null;
    expiresAt: number | null;
    lastUsedAt: number | null;
  };
  operatorKey: Omit<OperatorKey, 'permissions'> & { permissions: string };
  accessLink: AccessLink;
  machineType: {
    id: Generated<MachineTypeId>;
    name: string;
    code: string;
    cpus: number;
    memoryMb: number;
    diskSizeGb: number;
    network: MachineNetwork | null;
    createdAt: number;
    retiredAt: number | null;
  };
  baseImage: Row<BaseImage, BaseImageId>;
  software: Row<Software, SoftwareId, 'recipe'>;
  layer: Omit<Layer, 'boot' | 'copies'> & { boot: string | null };
  layerCopy: LayerCopy;
  packageList: PackageListRow;
  fileDifference: FileDifferenceRow;
  image: Row<Image, ImageId> & { nameFolded: string };
  imageSoftware: { imageId: ImageId; softwareId: SoftwareId; position: number };
  buildStep: BuildStep & { imageId: ImageId };
  disk: Disk;
  machineConsole: { machineId: MachineId; shown: string; keptAt: number };
  machine: Row<
    Omit<Machine, 'lostPendingAt' | 'addresses' | 'rootSystem'>,
    MachineId,
    'permissions'
  > & {
    nameFolded: string;
    addresses: string | null;
    rootSystem: string | null;
  };
  machineForward: Row<KeptForward, number>;
  job: Row<Job, JobId, 'data'>;
  begun: Begun;
  lease: { name: string; owner: string; until: number };
  idempotency: {
    keyId: KeyId;
    idempotencyKey: string;
    requestDigest: string;
    answer: string;
    expiresAt: number;
  };
  audit: Row<AuditEntry, number> & { organisationId: OrganisationId };
  operatorAudit: Row<OperatorEntry, number>;
  /** `deletedAt`: hidden since then; its file is going. */
  transfer: Transfer & { deletedAt: number | null };
  operatorUpload: Upload;
  intake: IntakePart;
  template: Template;
  orphan: Orphan;
  host: { id: number; seenAt: number } & Capacity &
    Admission & { knownBytes: number; buildPlaces: number };
  freeze: { what: Freeze; holder: string; until: number };
  steady: { id: number; seenAt: number; waiting: string | null; brakes: string };
  /** Of organisation 0: of the whole host. */
  account: { organisationId: OrganisationId; kind: string } & Held;
  tally: { organisationId: OrganisationId; noun: string; part: string; amount: number };
  signature: { keyId: KeyId; signature: string; expiresAt: number };
  event: Row<FleetEvent, number, 'facts'>;
  eventOutbox: Row<FleetEvent, number, 'facts'>;
  webhook: Omit<Webhook, 'types'> & { types: string };
  webhookDelivery: Row<Delivery, number>;
  eventFloor: { organisationId: OrganisationId; id: number };
  installation: Installation & { one: number; createdAt: number };
}

export type Db = Kysely<Database> | Transaction<Database>;

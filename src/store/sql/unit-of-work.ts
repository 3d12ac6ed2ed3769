// Binds the queries of every noun to a connection or transaction, a scope, a clock and a dialect.

import type { Reader, Writer } from '../port/unit-of-work.ts';
import { SqlAccessReader, SqlAccessWriter } from './access.ts';
import { SqlAccountReader, SqlAccountWriter } from './account.ts';
import { SqlAuditReader, SqlAuditWriter } from './audit.ts';
import { SqlBaseReader, SqlBaseWriter } from './base.ts';
import { countAll } from './counts.ts';
import { SqlDiskReader, SqlDiskWriter } from './disk.ts';
import { SqlEventReader, SqlEventWriter } from './event.ts';
import { SqlFileDifferenceReader, SqlFileDifferenceWriter } from './file-difference.ts';
import { SqlForwardReader, SqlForwardWriter } from './forward.ts';
import { SqlHostReader, SqlHostWriter } from './host.ts';
import { SqlIdempotencyReader, SqlIdempotencyWriter } from './idempotency.ts';
import { SqlImageReader, SqlImageWriter } from './image.ts';
import { SqlInstallationReader, SqlInstallationWriter } from './installation.ts';
import { SqlIntakeReader, SqlIntakeWriter } from './intake.ts';
import { SqlJobReader, SqlJobWriter } from './job.ts';
import { SqlKeyReader, SqlKeyWriter } from './key.ts';
import { SqlLayerReader, SqlLayerWriter } from './layer.ts';
import { SqlLayerCopyReader, SqlLayerCopyWriter } from './layer-copy.ts';
import { SqlMachineReader } from './machine.ts';
import { SqlMachineTypeReader, SqlMachineTypeWriter } from './machine-type.ts';
import { SqlMachineWriter } from './machine-write.ts';
import { SqlOperatorAuditReader, SqlOperatorAuditWriter } from './operator-audit.ts';
import { SqlOperatorKeyReader, SqlOperatorKeyWriter } from './operator-key.ts';
import { SqlOrganisationReader, SqlOrganisationWriter } from './organisation.ts';
import { SqlPackageListReader, SqlPackageListWriter } from './package-list.ts';
import type { Binding } from './scope.ts';
import { SqlSignatureWriter } from './signature.ts';
import { SqlSoftwareReader, SqlSoftwareWriter } from './software.ts';
import { SqlTemplateReader, SqlTemplateWriter } from './template.ts';
import { SqlTransferReader, SqlTransferWriter } from './transfer.ts';
import { SqlUploadReader, SqlUploadWriter } from './upload.ts';
import { SqlUsageReader } from './usage.ts';
import { SqlWebhookReader, SqlWebhookWriter } from './webhook.ts';

export const bindReader = (binding: Binding): Reader => ({
  images: new SqlImageReader(binding),
  machines: new SqlMachineReader(binding),
  machineTypes: new SqlMachineTypeReader(binding),
  forwards: new SqlForwardReader(binding),
  software: new SqlSoftwareReader(binding),
  bases: new SqlBaseReader(binding),
  layers: new SqlLayerReader(binding),
  layerCopies: new SqlLayerCopyReader(binding),
  packageLists: new SqlPackageListReader(binding),
  fileDifferences: new SqlFileDifferenceReader(binding),
  disks: new SqlDiskReader(binding),
  host: new SqlHostReader(binding),
  installation: new SqlInstallationReader(binding),
  jobs: new SqlJobReader(binding),
  organisations: new SqlOrganisationReader(binding),
  keys: new SqlKeyReader(binding),
  operatorKeys: new SqlOperatorKeyReader(binding),
  access: new SqlAccessReader(binding),
  templates: new SqlTemplateReader(binding),
  transfers: new SqlTransferReader(binding),
  uploads: new SqlUploadReader(binding),
  intakes: new SqlIntakeReader(binding),
  usage: new SqlUsageReader(binding),
  account: new SqlAccountReader(binding),
  audit: new SqlAuditReader(binding),
  operatorAudit: new SqlOperatorAuditReader(binding),
  events: new SqlEventReader(binding),
  webhooks: new SqlWebhookReader(binding),
  idempotency: new SqlIdempotencyReader(binding),
  counts: () => countAll(binding.db, binding.now()),
  now: binding.now,
});

export const bindWriter = (binding: Binding): Writer => ({
  images: new SqlImageWriter(binding),
  machines: new SqlMachineWriter(binding),
  machineTypes: new SqlMachineTypeWriter(binding),
  forwards: new SqlForwardWriter(binding),
  software: new SqlSoftwareWriter(binding),
  bases: new SqlBaseWriter(binding),
  layers: new SqlLayerWriter(binding),
  layerCopies: new SqlLayerCopyWriter(binding),
  packageLists: new SqlPackageListWriter(binding),
  fileDifferences: new SqlFileDifferenceWriter(binding),
  disks: new SqlDiskWriter(binding),
  host: new SqlHostWriter(binding),
  installation: new SqlInstallationWriter(binding),
  jobs: new SqlJobWriter(binding),
  organisations: new SqlOrganisationWriter(binding),
  keys: new SqlKeyWriter(binding),
  operatorKeys: new SqlOperatorKeyWriter(binding),
  signatures: new SqlSignatureWriter(binding),
  access: new SqlAccessWriter(binding),
  templates: new SqlTemplateWriter(binding),
  transfers: new SqlTransferWriter(binding),
  uploads: new SqlUploadWriter(binding),
  intakes: new SqlIntakeWriter(binding),
  usage: new SqlUsageReader(binding),
  account: new SqlAccountWriter(binding),
  audit: new SqlAuditWriter(binding),
  operatorAudit: new SqlOperatorAuditWriter(binding),
  events: new SqlEventWriter(binding),
  webhooks: new SqlWebhookWriter(binding),
  idempotency: new SqlIdempotencyWriter(binding),
  counts: () => countAll(binding.db, binding.now()),
  now: binding.now,
});

// What the rest of Silversmith sees of the store: units of work, bound to one organisation or to
// the whole system.
//
// A `read` sees what is committed; a `write` is one transaction, durable when its promise resolves,
// undone when it throws. Inside, each noun has its own small set of queries. Those on an
// organisation's own things (images, machines) are bound to the scope in one place, so that a
// caller cannot forget it: another organisation's thing is not there.

import type { accessQueries } from './sql/access.ts';
import type { auditQueries, idempotencyQueries } from './sql/audit.ts';
import type { baseQueries, softwareQueries } from './sql/catalogue.ts';
import type { countQueries } from './sql/counts.ts';
import type { diskQueries } from './sql/disk.ts';
import type { hostQueries } from './sql/host.ts';
import type { imageQueries } from './sql/image.ts';
import type { jobQueries } from './sql/job.ts';
import type { keyQueries, organisationQueries, signatureQueries } from './sql/key.ts';
import type { layerQueries } from './sql/layer.ts';
import type { machineQueries, machineTypeQueries } from './sql/machine.ts';
import type { operatorAuditQueries } from './sql/operator-audit.ts';
import type { Scope } from './sql/schema.ts';
import type { transferQueries } from './sql/transfer.ts';
import type { usageQueries } from './sql/usage.ts';

export interface Work {
  images: ReturnType<typeof imageQueries>;
  machines: ReturnType<typeof machineQueries>;
  machineTypes: ReturnType<typeof machineTypeQueries>;
  software: ReturnType<typeof softwareQueries>;
  bases: ReturnType<typeof baseQueries>;
  layers: ReturnType<typeof layerQueries>;
  disks: ReturnType<typeof diskQueries>;
  host: ReturnType<typeof hostQueries>;
  jobs: ReturnType<typeof jobQueries>;
  organisations: ReturnType<typeof organisationQueries>;
  keys: ReturnType<typeof keyQueries>;
  signatures: ReturnType<typeof signatureQueries>;
  access: ReturnType<typeof accessQueries>;
  transfers: ReturnType<typeof transferQueries>;
  usage: ReturnType<typeof usageQueries>;
  counts: ReturnType<typeof countQueries>;
  audit: ReturnType<typeof auditQueries>;
  operatorAudit: ReturnType<typeof operatorAuditQueries>;
  idempotency: ReturnType<typeof idempotencyQueries>;
  /** The clock under which the work runs, ms since 1970. */
  now(): number;
}

export interface Store {
  read<Result>(scope: Scope, work: (work: Work) => Promise<Result>): Promise<Result>;
  write<Result>(scope: Scope, work: (work: Work) => Promise<Result>): Promise<Result>;
  /** Throws `unavailable` when the schema is not the one that this program was built for. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export type { Touched } from './sql/audit.ts';
export type { Counted } from './sql/counts.ts';
export type { SoftwareOfImage } from './sql/image.ts';
export { LeaseLost } from './sql/job.ts';
export type { AccessKey } from './sql/key.ts';
export type { NewLayer } from './sql/layer.ts';
export type { MachineType } from './sql/machine.ts';
export type { AccessLink, BuildStep, Scope } from './sql/schema.ts';

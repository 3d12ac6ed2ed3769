// What the rest of Silversmith sees of the store: units of work, bound to one organisation or to the whole system.
//
// A `read` sees what is committed; a `write` is one transaction, durable when its promise resolves, undone when it throws.
// Inside, each noun has its own small set of queries. Those on an organisation's own things (images, machines) are bound to the
// scope in one place, so that a caller cannot forget it: another organisation's thing is not there.

import type { accessQueries } from './queries/access.ts';
import type { auditQueries, idempotencyQueries } from './queries/audit.ts';
import type { baseQueries, softwareQueries } from './queries/catalogue.ts';
import type { countQueries } from './queries/counts.ts';
import type { diskQueries } from './queries/disk.ts';
import type { hostQueries } from './queries/host.ts';
import type { imageQueries } from './queries/image.ts';
import type { jobQueries } from './queries/job.ts';
import type { keyQueries, organisationQueries, signatureQueries } from './queries/key.ts';
import type { layerQueries } from './queries/layer.ts';
import type { machineQueries, machineTypeQueries } from './queries/machine.ts';
import type { transferQueries } from './queries/transfer.ts';
import type { usageQueries } from './queries/usage.ts';
import type { Scope } from './schema.ts';

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

export type { Touched } from './queries/audit.ts';
export type { Counted } from './queries/counts.ts';
export { frozenKinds } from './queries/host.ts';
export type { SoftwareOfImage } from './queries/image.ts';
export { LeaseLost } from './queries/job.ts';
export type { AccessKey } from './queries/key.ts';
export type { NewLayer } from './queries/layer.ts';
export type { MachineType } from './queries/machine.ts';
export type { AccessLink, BuildStep, Freeze, Scope } from './schema.ts';

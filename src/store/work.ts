// Binds every noun's queries to a connection or transaction, a scope and a clock.

import type { Work } from './port.ts';
import { accessQueries } from './queries/access.ts';
import { auditQueries, idempotencyQueries } from './queries/audit.ts';
import { baseQueries, softwareQueries } from './queries/catalogue.ts';
import { countQueries } from './queries/counts.ts';
import { diskQueries } from './queries/disk.ts';
import { hostQueries } from './queries/host.ts';
import { imageQueries } from './queries/image.ts';
import { jobQueries } from './queries/job.ts';
import { keyQueries, organisationQueries, signatureQueries } from './queries/key.ts';
import { layerQueries } from './queries/layer.ts';
import { machineQueries, machineTypeQueries } from './queries/machine.ts';
import { transferQueries } from './queries/transfer.ts';
import { usageQueries } from './queries/usage.ts';
import type { Db, Scope } from './schema.ts';

export const bindWork = (db: Db, scope: Scope, now: () => number): Work => ({
  images: imageQueries(db, scope, now),
  machines: machineQueries(db, scope, now),
  machineTypes: machineTypeQueries(db, now),
  software: softwareQueries(db, now),
  bases: baseQueries(db, now),
  layers: layerQueries(db, now),
  disks: diskQueries(db, scope, now),
  host: hostQueries(db, now),
  jobs: jobQueries(db, now),
  organisations: organisationQueries(db, now),
  keys: keyQueries(db, now),
  signatures: signatureQueries(db),
  access: accessQueries(db, scope, now),
  transfers: transferQueries(db, scope, now),
  usage: usageQueries(db, scope),
  counts: countQueries(db, now),
  audit: auditQueries(db, scope, now),
  idempotency: idempotencyQueries(db),
  now,
});

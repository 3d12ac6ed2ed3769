// Binds every noun's queries to a connection or transaction, a scope and a clock.

import type { Work } from './port.ts';
import { accessQueries } from './queries/access.ts';
import { auditQueries, idempotencyQueries } from './queries/audit.ts';
import { baseQueries, softwareQueries } from './queries/catalogue.ts';
import { censusQueries } from './queries/census.ts';
import { diskQueries } from './queries/disk.ts';
import { hostQueries } from './queries/host.ts';
import { imageQueries } from './queries/image.ts';
import { keyQueries, organisationQueries, signatureQueries } from './queries/key.ts';
import { layerQueries } from './queries/layer.ts';
import { machineQueries, planQueries } from './queries/machine.ts';
import { operationQueries } from './queries/operation.ts';
import { transferQueries } from './queries/transfer.ts';
import { usageQueries } from './queries/usage.ts';
import type { Db, Scope } from './schema.ts';

export const bindWork = (db: Db, scope: Scope, now: () => number): Work => ({
  images: imageQueries(db, scope, now),
  machines: machineQueries(db, scope, now),
  plans: planQueries(db, now),
  software: softwareQueries(db, now),
  bases: baseQueries(db, now),
  layers: layerQueries(db, now),
  disks: diskQueries(db, scope, now),
  host: hostQueries(db, now),
  operations: operationQueries(db, now),
  organisations: organisationQueries(db, now),
  keys: keyQueries(db, now),
  signatures: signatureQueries(db),
  access: accessQueries(db, scope, now),
  transfers: transferQueries(db, scope, now),
  usage: usageQueries(db, scope),
  census: censusQueries(db, now),
  audit: auditQueries(db, scope, now),
  idempotency: idempotencyQueries(db),
  now,
});

// Binds every noun's queries to a connection or transaction, a scope and a clock.

import type { Work } from '../port.ts';
import { accessQueries } from './access.ts';
import { auditQueries, idempotencyQueries } from './audit.ts';
import { baseQueries, softwareQueries } from './catalogue.ts';
import { countQueries } from './counts.ts';
import { diskQueries } from './disk.ts';
import { hostQueries } from './host.ts';
import { imageQueries } from './image.ts';
import { jobQueries } from './job.ts';
import { keyQueries, organisationQueries, signatureQueries } from './key.ts';
import { layerQueries } from './layer.ts';
import { machineQueries, machineTypeQueries } from './machine.ts';
import { operatorAuditQueries } from './operator-audit.ts';
import type { Db, Scope } from './schema.ts';
import { transferQueries } from './transfer.ts';
import { usageQueries } from './usage.ts';

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
  operatorAudit: operatorAuditQueries(db, now),
  idempotency: idempotencyQueries(db),
  now,
});

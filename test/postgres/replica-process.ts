// The program of a server in a process of its own, on a database that others serve too. Its engine
// takes hours for everything, so it keeps each job that it claims until it is killed. Its only
// argument is a Replica as JSON.

import { join } from 'node:path';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { masterKeyFile } from '../../src/lib/master-key.ts';
import { signingKeyFile } from '../../src/lib/signing-key.ts';
import { buildService } from '../../src/server/service.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { withoutHost } from './replicas.ts';

export interface Replica {
  /** A copy of the data directory of the other servers. */
  dataDir: string;
  url: string;
  leaseMs: number;
}

const { dataDir, url, leaseMs } = JSON.parse(process.argv[2] ?? '') as Replica;
const hoursLong = 1 / 10_000;
const store = await openPostgres({ url });
const { reconciler } = buildService({
  dataDir,
  store,
  engine: withoutHost(await openSimulator({ root: dataDir, clock: systemClock, speed: hoursLong })),
  masterKey: await masterKeyFile(join(dataDir, 'master.key')),
  signer: await signingKeyFile(join(dataDir, 'signing.key'), join(dataDir, 'trusted.keys')),
  logLevel: 'silent',
  settings: { leaseMs },
});
reconciler.start();
process.stdout.write('works\n');

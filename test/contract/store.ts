// The store's contract, which every database runs. Each test starts with an empty store and a clock
// that is moved by hand. The suite runs twice: unchanged, and with a store that runs each write
// twice and undoes the first run, because a store may run a write again.

import { describe } from 'node:test';
import { runningTwice } from './rerun.ts';
import { testEvents } from './store/event.ts';
import { testHost } from './store/host.ts';
import { testImages } from './store/image.ts';
import { testIsolation } from './store/isolation.ts';
import { testJobs } from './store/job.ts';
import { testKept } from './store/kept.ts';
import { testLayers } from './store/layer.ts';
import { testLists } from './store/list.ts';
import { testMachines } from './store/machine.ts';
import { testMachineStatus } from './store/machine-status.ts';
import { testOperatorAudit } from './store/operator-audit.ts';
import { testPages, testUploads } from './store/upload.ts';
import { testWebhooks } from './store/webhook.ts';
import { type MakeStore, type MakeWorld, makeWorldWith } from './store/world.ts';
import { testWrites } from './store/write.ts';

const suites: ((make: MakeWorld) => void)[] = [
  testWrites,
  testIsolation,
  testJobs,
  testImages,
  testMachines,
  testMachineStatus,
  testLists,
  testLayers,
  testKept,
  testOperatorAudit,
  testUploads,
  testPages,
  testEvents,
  testWebhooks,
  testHost,
];

export function testStore(database: string, make: MakeStore): void {
  describe(`the store on ${database}`, () => {
    for (const suite of suites) suite(makeWorldWith(make));
  });
  describe(`the store on ${database}, running each write twice`, () => {
    const twice: MakeStore = async (t, now) => runningTwice(await make(t, now));
    for (const suite of suites) suite(makeWorldWith(twice));
  });
}

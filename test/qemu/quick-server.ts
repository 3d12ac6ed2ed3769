// Starts a server in this process, on real disks and a base that boots in seconds, for tests of
// faults around it.

import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '../../src/client/client.ts';
import { findProcesses, processesIn } from '../../src/engine/qemu/process.ts';
import { monitorCall } from '../../src/engine/qemu/qmp.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Settings } from '../../src/reconcile/context.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { type Flags, parseConfig } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import { call } from '../call.ts';
import { type Furniture, furnish } from '../furnish.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { guests, quickBase } from './quick-base.ts';

/** The longest wait for an image or a machine to reach a final status. */
export const restMs = 300_000;

interface Options {
  guest?: string;
  script?: string;
  timeoutMs?: number;
  settings?: Partial<Settings>;
  /** Makes the content of the base unique. */
  baseMark?: number;
  /** Makes another base in a folder, instead of the one of `guest`. */
  base?: (folder: string) => Promise<Furniture['base']>;
  dataDir?: string;
  flags?: Flags;
}

/** Starts the server with one machine and one title. */
export async function startQuick(
  t: Scope,
  { guest = guests.ready, script = 'echo done', ...options }: Options = {},
) {
  const folder = await temporaryFolder(t);
  const { dataDir = join(folder, 'data'), timeoutMs = 120_000, baseMark = 0 } = options;
  const programs = await temporaryFolder(t);
  // Confined QEMU can read this folder. A program in it is found before the system's.
  await chmod(programs, 0o755);
  const env = { PATH: `${programs}:${process.env.PATH}` };
  const config = parseConfig({ dataDir, port: '0', logLevel: 'silent', ...options.flags }, env);
  const settings = {
    ...{ stopMs: 0, pollMs: 100, collectDelayMs: 0 },
    templatePolicy: 'never' as const,
    ...options.settings,
  };
  const server = await serve({ ...config, settings });
  let closed: Promise<void> | null = null;
  const close = () => {
    closed ??= server.close();
    return closed;
  };
  defer(t, async () => {
    for (const id of await server.engine.runningMachines(call))
      await server.engine.stopMachine({ machineId: id, graceMs: 0 }, call);
    await close();
  });
  const titles = [{ name: 'Title', script, timeoutMs }];
  const base = await (options.base?.(folder) ?? quickBase(folder, guest, { mark: baseMark }));
  const { software, machines, key } = await furnish(server, { base, titles, machines: 1 });
  const [machine = 0] = machines;
  const client = createClient({ url: server.url, ...key });
  const atRest = async () => {
    const { attributes } = await client.machineGet({ id: machine });
    return ['off', 'ready'].includes(attributes.friendly_status) && attributes;
  };
  const { store, engine, reconciler } = server;
  return {
    folder,
    dataDir,
    store,
    engine,
    reconciler,
    client,
    machine,
    /** Builds an image from the title and waits for its final status. */
    async build() {
      const { attributes } = await client.imageInstall({ software_ids: software });
      return waitFor(
        'the image is at rest',
        async () => {
          const { attributes: image } = await client.imageGet({ id: attributes.id });
          return ['available', 'failed'].includes(image.status) && image;
        },
        restMs,
      );
    },
    /** Starts or stops the machine and waits for its final status. */
    async turn(on: boolean, gracefully = false) {
      await (on
        ? client.machineStart({ id: machine })
        : client.machineStop({ id: machine, gracefully }));
      return waitFor('the machine is at rest', atRest, restMs);
    },
    /** Checks that store, engine and host agree, and that no work is half done. */
    async assertSound() {
      for (const task of ['observe', 'collect', 'sweep', 'collect'] as const)
        await reconciler.task(task);
      assert.deepEqual(await store.read('system', (work) => work.jobs.open(10)), []);
      assert.deepEqual(await examine({ store, engine, clock: systemClock }), []);
      assert.deepEqual(await readdir(join(dataDir, 'engine', 'builds')), []);
      for (const name of ['layers', 'disks'])
        assert.deepEqual(
          (await readdir(join(dataDir, 'engine', name))).filter((one) => one.endsWith('.part')),
          [],
        );
    },
    /** Puts a program before the real one of its name. The returned function removes it. */
    async inFront(name: string, script: string) {
      await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`);
      await chmod(join(programs, name), 0o755);
      return () => rm(join(programs, name));
    },
    url: server.url,
    key,
    config,
    close,
    /** Finds the QEMU process of the build or of the machine. */
    async process(kind: 'build' | 'machine') {
      return (await findProcesses(processesIn(join(realpathSync(dataDir), 'engine')), kind))[0];
    },
    monitor: (execute: string) =>
      monitorCall(
        join(dataDir, 'engine', 'run', `machine-${machine}`, 'qmp.sock'),
        execute,
        undefined,
        5000,
      ),
  };
}

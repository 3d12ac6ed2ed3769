// A demo on the simulator, in this process or in its own, and the command line to use it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { main } from '../../src/bin/main.ts';
import { operatorName } from '../../src/cli/operator/context.ts';
import type { Terminal } from '../../src/cli/output.ts';
import { ensureDemo } from '../../src/server/demo.ts';
import { parseConfig } from '../../src/server/options.ts';
import { type Running, serve } from '../../src/server/serve.ts';
import { entry, serverProcess } from '../server-process.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';

const environmentOf = (dataDir: string, engine: string | null = 'simulator') => ({
  PATH: process.env.PATH,
  SILVERSMITH_DATA_DIR: dataDir,
  SILVERSMITH_SIMULATOR_SPEED: '0',
  ...(engine !== null && { SILVERSMITH_ENGINE: engine }),
});

/** Runs commands in this process, which is much faster than a process for each command. */
export function commandLine(environment: Record<string, string | undefined>) {
  return async (...args: string[]) => {
    let [out, err] = ['', ''];
    const terminal: Terminal = {
      out: (text) => {
        out += `${text}\n`;
      },
      err: (text) => {
        err += `${text}\n`;
      },
      interactive: false,
      exitCode: 0,
    };
    const code = await main(['node', 'silversmith', ...args], terminal, environment);
    return { code, out, err };
  };
}

/** Runs commands on a data directory. */
export const runIn = (
  dataDir: string,
  engine: string | null = 'simulator',
  more: Record<string, string> = {},
) => commandLine({ ...environmentOf(dataDir, engine), ...more });

/** A server on a data directory, which a test can stop and start again. */
interface Server {
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
}

/**
 * Starts a demo in this process, which is much faster than a process of its own. At the speed 0
 * work takes no time; at 1 as long as in reality.
 */
export const startDemo = (t: Scope, { simulatorSpeed = '0', port = '0' } = {}) =>
  demoOn(t, undefined, (dataDir) => {
    const simulator = { engine: 'simulator', simulatorSpeed };
    const config = parseConfig({ dataDir, ...simulator, port, demo: true, logLevel: 'silent' }, {});
    let running: Running | undefined;
    return {
      async start() {
        running = await serve(config);
        const { signal } = new AbortController();
        await ensureDemo(config, running, { by: operatorName(), say: () => {}, signal });
      },
      async stop() {
        await running?.close();
        running = undefined;
      },
    };
  });

/** Starts a demo in a process of its own, as a user does. */
export const startDemoAlone = (t: Scope, given?: string) =>
  demoOn(t, given, (dataDir) => {
    const flags = ['--data-dir', dataDir, '--engine', 'simulator'];
    const server = serverProcess();
    const options = ['--port', '0', '--demo', '--simulator-speed', '0', '--log-level', 'silent'];
    return {
      start: () => server.start([...flags, ...options], /(The demo is ready)/, 30_000),
      stop: async () => assert.equal(await server.end('SIGTERM'), 0),
    };
  });

async function demoOn(t: Scope, given: string | undefined, serverOn: (dataDir: string) => Server) {
  const dataDir = given ?? join(await temporaryFolder(t), 'data');
  const { start, stop } = serverOn(dataDir);
  defer(t, () => stop());
  await start();
  const environment = environmentOf(dataDir);
  const run = commandLine(environment);
  const runIn = (more: Record<string, string>, ...args: string[]) =>
    commandLine({ ...environment, ...more })(...args);
  /** Runs a command in a process of its own, as a user does. */
  const runAlone = (...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        [entry, ...args],
        { env: environment },
        (_error, out, err) => resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
  return { dataDir, environment, run, runIn, runAlone, start, stop };
}

// A demo on the simulator in a process of its own, and the command line to use it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { main } from '../../src/bin/main.ts';
import type { Terminal } from '../../src/cli/output.ts';
import { entry, serverProcess } from '../server-process.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';

const environmentOf = (dataDir: string, engine: string | null = 'simulator') => ({
  PATH: process.env.PATH,
  SILVERSMITH_DATA_DIR: dataDir,
  SILVERSMITH_SIMULATOR_SPEED: '0',
  ...(engine !== null && { SILVERSMITH_ENGINE: engine }),
});

/** Runs commands in this process, which is much faster than a process for each command. */
function commandLine(environment: Record<string, string | undefined>) {
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

export async function startDemo(t: Scope, given?: string) {
  const dataDir = given ?? join(await temporaryFolder(t), 'data');
  const flags = ['--data-dir', dataDir, '--engine', 'simulator'];
  const server = serverProcess();
  const start = () => {
    const options = ['--port', '0', '--demo', '--simulator-speed', '0', '--log-level', 'silent'];
    return server.start([...flags, ...options], /(The demo is ready)/, 30_000);
  };
  const stop = async () => assert.equal(await server.end('SIGTERM'), 0);
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
  return { dataDir, run, runIn, runAlone, start, stop };
}

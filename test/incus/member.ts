// One Incus daemon in a system of its own on this host: it can lose its power and come back, or its
// daemon alone can die.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { cached } from '../cached.ts';
import { defer, type Scope, waitFor } from '../support.ts';
import { type IncusApi, incusApi } from './api.ts';
import type { MemberNetwork } from './network.ts';

export interface IncusMember {
  name: string;
  /** The daemon's socket; it answers while the daemon runs. */
  socketPath: string;
  /** Where the daemon answers with TLS. */
  url: string;
  /** The certificate that it shows there, in PEM. All members of a cluster show the same. */
  serverCertificate: string;
  api: IncusApi;
  /** Takes the member's power away: daemon and containers are gone at once. */
  kill(): Promise<void>;
  /** Starts the daemon of a killed member, and waits until it answers. */
  start(): Promise<void>;
  /** Kills the daemon alone. It is started again at once; the containers run on. */
  crashDaemon(): Promise<void>;
}

const beside = (name: string) => new URL(name, import.meta.url).pathname;
const script = (name: string) => readFileSync(beside(name), 'utf8');
const readyLimitMs = 60_000;

/** Returns the file system in which daemons run: a Debian 13 with Incus. Root alone can make it. */
export async function incusTree(): Promise<string> {
  const says = 'making a Debian 13 with Incus (a minute, once)';
  return join(await cached('incus', script('make-tree'), says), 'tree');
}

/** Returns the container base: an image of Incus in one file, 2 MB, whose user land is busybox. */
export async function containerBase(): Promise<string> {
  const folder = await cached('incus-base', script('make-base'), 'making a container base');
  return join(folder, 'base.tar');
}

async function freePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const at = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof at === 'object' && at ? at.port : 0;
}

/** The first process that another one has started whose command line has a part; or null. */
function childOf(parent: number, part: string): number | null {
  const all = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
  const isIt = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(part);
  const found = all.find((pid) => pid !== '' && isIt(pid));
  return found === undefined ? null : Number(found);
}

/** Starts and ends the processes of a member whose data are in a folder. */
function memberProcess(name: string, data: string, command: readonly string[], api: IncusApi) {
  let running: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  const answers = () =>
    api.ask('GET', '/internal/ready', {}, 2000).then(
      ({ status }) => status === 200,
      () => false,
    );
  const ready = () =>
    waitFor(`Incus of member ${name} answers`, answers, readyLimitMs, 50).catch(async (error) => {
      const log = await readFile(join(data, 'incus/incusd.log'), 'utf8').catch(String);
      throw new Error(`${error.message}\n${log.slice(-2000)}`);
    });
  const daemon = () => {
    const unshare = childOf(running?.pid ?? 0, 'unshare');
    const init = unshare && childOf(unshare, 'init');
    // What the daemon has started for a container has other arguments, and survives the daemon.
    return init && childOf(init, 'incusd\0--group');
  };
  return {
    async start() {
      // The signal comes when this process dies, whatever it dies of.
      const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', ...command], {
        stdio: 'ignore',
      });
      running = child;
      ended = new Promise((resolve) => child.once('close', resolve));
      await ready();
    },
    async kill() {
      running?.kill('SIGTERM');
      await ended;
    },
    async crashDaemon() {
      const before = daemon();
      if (!before) throw new Error(`the daemon of member ${name} does not run`);
      process.kill(before, 'SIGKILL');
      await waitFor(`a new daemon of ${name}`, () => daemon() !== before && daemon());
      await ready();
    },
  };
}

/**
 * Starts a daemon with an address of its own, on the host's network or another one. It ends with
 * the test, and its folder remains.
 */
export async function startMember(
  t: Scope,
  folder: string,
  index: number,
  network: MemberNetwork | null,
): Promise<IncusMember> {
  const name = ['one', 'two', 'three'][index] ?? `${index}`;
  const data = join(folder, name);
  await mkdir(data);
  const socketPath = join(data, 'incus/unix.socket');
  const api = incusApi(socketPath);
  const address = `${network ? '10.0.0' : '127.0.0'}.${index + 1}`;
  const command = ['bash', beside('member'), await incusTree(), data];
  const whole = network ? [...network.inside, ...command, address] : command;
  const { start, kill, crashDaemon } = memberProcess(name, data, whole, api);
  defer(t, kill);
  await start();
  const authority = `${address}:${network ? 8443 : await freePort(address)}`;
  await api.call('PATCH', '/1.0', { json: { config: { 'core.https_address': authority } } });
  const { environment } = await api.call('GET', '/1.0');
  return {
    ...{ name, socketPath, api, kill, start, crashDaemon },
    url: `https://${authority}`,
    serverCertificate: environment.certificate,
  };
}

// Records a session of the command line on real disks: install, assign, start; or an instant start.
// A demo is served from a new data directory, and each command runs in a pseudo-terminal, as it is
// typed. The result is an asciicast (version 2), which `asciinema play docs/session.cast` shows.
// Usage: node tools/record-session.ts [instant]   (after npm start has set this host up once)

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const entry = join(root, 'src/bin/silversmith.js');
const size = { width: 88, height: 24 };
const readyMs = 15 * 60_000;
const commandMs = 15 * 60_000;
const keyMs = 40;
const readMs = 1500;

interface Session {
  file: string;
  title: string;
  /** What is done before the recording begins. */
  before: string[];
  commands: string[];
}

const sessions: Record<'usual' | 'instant', Session> = {
  usual: {
    file: 'docs/session.cast',
    title: 'Silversmith: install, assign, start',
    before: [],
    commands: [
      'software list',
      'image install htop --name Studio',
      'image assign Studio 1-3',
      'machine start 1-2',
      'machine exec 1 -- htop --version',
      'machine list',
      'machine stop 1-2',
    ],
  },
  instant: {
    file: 'docs/instant.cast',
    title: 'Silversmith: instant start',
    before: ['machine start 1', 'machine stop 1', 'image capture 1 --name Studio'],
    commands: [
      'image assign Studio 2-3',
      'template make 1 --wait',
      'template list',
      'machine start 2',
      'machine show 2',
      'machine start 3',
      'machine show 3',
      'machine exec 2 -- cat /etc/hostname /etc/machine-id',
      'machine exec 3 -- cat /etc/hostname /etc/machine-id',
    ],
  },
};

/** The events of an asciicast. What a person would do between commands takes the time it would. */
class Cast {
  readonly #events: [at: number, kind: 'o', text: string][] = [];
  readonly #startedAt = performance.now();
  #addedMs = 0;
  #last = '';

  /**
   * A picture that differs from the last in its seconds alone is left out: a wait is a pause then.
   */
  shows(text: string): void {
    const timeless = text.replaceAll(/\d+ s\b/g, 's');
    if (timeless === this.#last && text.length > 1) return;
    this.#last = timeless;
    const at = (performance.now() - this.#startedAt + this.#addedMs) / 1000;
    this.#events.push([Number(at.toFixed(3)), 'o', text]);
  }

  types(line: string): void {
    this.shows('$ ');
    for (const character of line) {
      this.#addedMs += keyMs;
      this.shows(character);
    }
    this.shows('\r\n');
  }

  reads(): void {
    this.#addedMs += readMs;
  }

  text(title: string): string {
    const env = { TERM: 'xterm-256color', SHELL: '/bin/sh' };
    const head = { version: 2, ...size, title, idle_time_limit: 3, env };
    return `${[head, ...this.#events].map((one) => JSON.stringify(one)).join('\n')}\n`;
  }
}

const endOf = (child: ChildProcess) =>
  new Promise<number | null>((resolve) => child.once('close', resolve));

/** Runs a command in a pseudo-terminal. Throws when it fails or takes too long. */
async function run(cast: Cast, typed: string, environment: NodeJS.ProcessEnv): Promise<void> {
  cast.types(`silversmith ${typed}`);
  const line = `stty cols ${size.width} rows ${size.height}; exec ${process.execPath} ${entry} ${typed}`;
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: { ...environment, TERM: 'xterm-256color', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: commandMs,
  });
  const decoder = new TextDecoder();
  child.stdout.on('data', (chunk) => cast.shows(decoder.decode(chunk, { stream: true })));
  const status = await endOf(child);
  if (status !== 0) throw new Error(`silversmith ${typed} ended with ${status}`);
  cast.reads();
}

/** Starts the demo; resolves once it can be used. */
function serve(environment: NodeJS.ProcessEnv): { child: ChildProcess; ready: Promise<void> } {
  const child = spawn(process.execPath, [entry, 'serve', '--demo', '--port', '0'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the demo is not ready in time')), readyMs);
    child.stdout?.on('data', (chunk) => {
      if (!String(chunk).includes('The demo is ready')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('close', (status) => reject(new Error(`the server ended with ${status}`)));
  });
  return { child, ready };
}

const { file, title, before, commands } =
  sessions[process.argv[2] === 'instant' ? 'instant' : 'usual'];
const dataDir = await mkdtemp(join(tmpdir(), 'silversmith-session-'));
const environment = {
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  ...{ SILVERSMITH_DATA_DIR: dataDir, SILVERSMITH_LOG_LEVEL: 'silent' },
};
const server = serve(environment);
try {
  await server.ready;
  for (const command of before) await run(new Cast(), command, environment);
  process.stdout.write('The recording begins.\n');
  const cast = new Cast();
  for (const command of commands) await run(cast, command, environment);
  await writeFile(join(root, file), cast.text(title));
  process.stdout.write(`${file} is written.\n`);
} finally {
  const ended = endOf(server.child);
  if (server.child.kill('SIGTERM')) await ended;
  await rm(dataDir, { recursive: true, force: true });
}

// silversmith tour: the whole job against a running service, each signed request told with its
// answer.

import type { Command } from 'commander';
import { type Call, type Client, createClient } from '../../client/client.ts';
import { waitForImage, waitForMachine } from '../../client/wait.ts';
import type { Environment } from '../../lib/environment.ts';
import type { Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { findCredentials, type Remote, remoteOptions, waiting } from './context.ts';

/** Runs a shell command inside a machine; null where the engine runs no guests. */
export type LookInside = (
  machineId: number,
  script: string,
  dataDir: string | undefined,
) => Promise<string | null>;

export function tourCommand(
  program: Command,
  terminal: Terminal,
  env: Environment,
  look: LookInside,
): void {
  remoteOptions(
    program
      .command('tour')
      .description('walk through the whole job against the running service, request by request'),
  ).action(async (flags: Remote) => {
    await new Tour(flags, terminal, env, look).run();
  });
}

class Tour {
  readonly #flags: Remote;
  readonly #terminal: Terminal;
  readonly #env: Environment;
  readonly #look: LookInside;
  #quiet = true;
  #startedAt = Date.now();

  constructor(flags: Remote, terminal: Terminal, env: Environment, look: LookInside) {
    this.#flags = flags;
    this.#terminal = terminal;
    this.#env = env;
    this.#look = look;
  }

  #say(text: string): void {
    const seconds = ((Date.now() - this.#startedAt) / 1000).toFixed(1).padStart(6);
    this.#terminal.out(`\n[${seconds} s] ${text}`);
  }

  #show = (call: Call): void => {
    if (this.#quiet) return;
    this.#terminal.out(`  > ${call.method} ${call.path}${call.body === '' ? '' : ` ${call.body}`}`);
    this.#terminal.out(`    Authorization: ${call.authorization.slice(0, 60)}…`);
    const answer = JSON.stringify(call.answer);
    this.#terminal.out(
      `  < ${call.status} ${answer.length > 400 ? `${answer.slice(0, 400)}…` : answer}`,
    );
  };

  async #aloud<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#quiet = false;
    try {
      return await call();
    } finally {
      this.#quiet = true;
    }
  }

  async #inside(machineId: number, script: string): Promise<void> {
    const said = await this.#look(machineId, script, this.#flags.dataDir);
    if (said === null)
      return this.#say('(The simulator runs no guests, so there is nothing to look into.)');
    this.#terminal.out(`  # ${script}`);
    for (const line of said.trimEnd().split('\n')) this.#terminal.out(`    ${line}`);
  }

  async run(): Promise<void> {
    const credentials = await findCredentials(this.#flags, this.#env);
    const client = createClient({ ...credentials, onCall: this.#show });
    this.#terminal.out(
      `A tour of Silversmith at ${credentials.url}. Each request is signed with HMAC-SHA256; the secret never travels.`,
    );

    this.#say('What can be installed?');
    const catalogue = await this.#aloud(() => client.softwareList({}));
    const title = catalogue.software.find((one) => one.name === 'htop') ?? catalogue.software[0];
    const { machines } = await client.machineList({ per_page: 100 });
    const [first, second] = machines
      .filter((one) => one.attributes.friendly_status === 'off')
      .map((one) => one.attributes.id)
      .sort((a, b) => a - b);
    if (!title || first === undefined || second === undefined)
      throw new UsageError(
        'The tour needs a title in the catalogue and two machines that are off.',
      );

    this.#say(
      `Build an image: the newest base with ${title.name} installed. The answer comes at once; the work goes on.`,
    );
    const built = await this.#aloud(() =>
      client.imageInstall({ name: 'Tour: built', software_ids: [title.id] }),
    );
    await this.#available(client, built.attributes.id);

    this.#say('The same list again: every step is found in the build cache.');
    const again = await this.#aloud(() =>
      client.imageInstall({ name: 'Tour: built again', software_ids: [title.id] }),
    );
    await this.#available(client, again.attributes.id);

    this.#say(
      `Assign the image to machines ${first} and ${second}: one request, whatever their number.`,
    );
    await this.#aloud(() =>
      client.imageAssign({ id: built.attributes.id, machine_ids: [first, second] }),
    );

    this.#say(`Start machine ${first}: its disk is made from the image, and it boots.`);
    await this.#aloud(() => client.machineStart({ id: first }));
    await this.#settled(client, first, 'ready');

    this.#say(`Look inside machine ${first}.`);
    await this.#inside(
      first,
      'hostname; htop --version | head -n 1; echo "made on the tour" > /root/note; sync; cat /root/note',
    );

    this.#say(`Stop machine ${first}, and capture its disk as an image.`);
    await this.#aloud(() => client.machineStop({ id: first, gracefully: true }));
    await this.#settled(client, first, 'off');
    const captured = await this.#aloud(() =>
      client.imageCapture({ machine_id: first, name: 'Tour: captured' }),
    );
    await this.#available(client, captured.attributes.id);

    this.#say(`Give the capture to machine ${second}, start it, and look for the note.`);
    await this.#aloud(() =>
      client.imageAssign({ id: captured.attributes.id, machine_ids: [second] }),
    );
    await this.#aloud(() => client.machineStart({ id: second }));
    await this.#settled(client, second, 'ready');
    await this.#inside(second, 'hostname; cat /root/note');
    await this.#aloud(() => client.machineStop({ id: second }));
    await this.#settled(client, second, 'off');

    this.#say('Delete the images. The machines keep the disks they have.');
    for (const image of [captured, again, built])
      await this.#aloud(() => client.imageDelete({ id: image.attributes.id }));
    this.#say('That was the tour.');
  }

  async #available(client: Client, id: number): Promise<void> {
    const image = await waiting(this.#terminal, (options) => waitForImage(client, id, options));
    const { status, status_reason: reason } = image.attributes;
    if (status !== 'available')
      throw new UsageError(`Image ${id} is ${status}: ${reason ?? 'no reason is known'}`);
    this.#say(`Image ${id} is available.`);
  }

  async #settled(client: Client, id: number, wanted: 'ready' | 'off'): Promise<void> {
    const machine = await waiting(this.#terminal, (options) => waitForMachine(client, id, options));
    const { friendly_status: status, status_reason: reason } = machine.attributes;
    if (status !== wanted)
      throw new UsageError(`Machine ${id} is ${status}: ${reason ?? 'no reason is known'}`);
    this.#say(`Machine ${id} is ${status}.`);
  }
}

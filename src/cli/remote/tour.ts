// silversmith tour: walks through the whole job against a running service, and shows each signed
// request with its answer.

import type { Command } from 'commander';
import type { Call, Client } from '../../client/client.ts';
import { type WaitOptions, waitForImage, waitForMachine } from '../../client/wait.ts';
import type { Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { progressLine } from '../progress.ts';
import {
  clientOf,
  findCredentials,
  type Remote,
  type RemoteContext,
  remoteOptions,
} from './context.ts';

export interface TourContext extends RemoteContext {
  /** Runs a shell script inside a machine; null where the engine runs no guests. */
  look(machineId: number, script: string, dataDir: string | undefined): Promise<string | null>;
}

const waitLimitMs = 4 * 3600_000;
const answerShownMax = 400;
const authorizationShownMax = 60;

export function tourCommand(command: Command, context: TourContext): void {
  remoteOptions(command).action(async (flags: Remote) => {
    const guide = new Guide(context.terminal);
    const credentials = await findCredentials(flags, context.env);
    const client = await clientOf({ ...credentials, onCall: guide.show });
    context.terminal.out(
      `A tour of Silversmith at ${credentials.url}. Each request is signed with HMAC-SHA256; the secret never travels.`,
    );
    const inside = (machineId: number, script: string) =>
      context.look(machineId, script, flags.dataDir);
    await new Tour(guide, client, inside).run();
  });
}

/** Explains each step of the tour, and shows its requests. */
class Guide {
  readonly terminal: Terminal;
  readonly #startedAt = Date.now();
  #quiet = true;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
  }

  say(text: string): void {
    const seconds = ((Date.now() - this.#startedAt) / 1000).toFixed(1).padStart(6);
    this.terminal.out(`\n[${seconds} s] ${text}`);
  }

  /** Shows a request and its answer, but not those of waiting and of looking things up. */
  readonly show = (call: Call): void => {
    if (this.#quiet) return;
    this.terminal.out(`  > ${call.method} ${call.path}${call.body === '' ? '' : ` ${call.body}`}`);
    this.terminal.out(`    Authorization: ${call.authorization.slice(0, authorizationShownMax)}…`);
    const answer = JSON.stringify(call.answer);
    const shown = answer.length > answerShownMax ? `${answer.slice(0, answerShownMax)}…` : answer;
    this.terminal.out(`  < ${call.status} ${shown}`);
  };

  /** Runs a call whose request is shown. */
  async aloud<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#quiet = false;
    try {
      return await call();
    } finally {
      this.#quiet = true;
    }
  }
}

/** Waits, and shows a progress line meanwhile. */
async function waiting<Result>(
  terminal: Terminal,
  wait: (options: Required<WaitOptions>) => Promise<Result>,
): Promise<Result> {
  const progress = progressLine(terminal);
  try {
    return await wait({ limitMs: waitLimitMs, onProgress: progress.say });
  } finally {
    progress.end();
  }
}

type Inside = (machineId: number, script: string) => Promise<string | null>;

class Tour {
  readonly #guide: Guide;
  readonly #client: Client;
  readonly #inside: Inside;

  constructor(guide: Guide, client: Client, inside: Inside) {
    this.#guide = guide;
    this.#client = client;
    this.#inside = inside;
  }

  /** Throws UsageError when the service lacks something that the tour needs, or a step fails. */
  async run(): Promise<void> {
    const { title, first, second } = await this.#choose();
    const built = await this.#build(title);
    const again = await this.#buildAgain(title);
    await this.#assign(built, first, second);
    await this.#start(first);
    await this.#look(
      first,
      'hostname; htop --version | head -n 1; echo "made on the tour" > /root/note; sync; cat /root/note',
    );
    const captured = await this.#capture(first);
    await this.#giveTo(second, captured);
    this.#guide.say('Delete the images. The machines keep the disks they have.');
    for (const id of [captured, again, built])
      await this.#guide.aloud(() => this.#client.imageDelete({ id }));
    this.#guide.say('That was the tour.');
  }

  async #choose() {
    this.#guide.say('What can be installed?');
    const catalogue = await this.#guide.aloud(() => this.#client.softwareList({}));
    const title = catalogue.software.find((one) => one.name === 'htop') ?? catalogue.software[0];
    const { machines } = await this.#client.machineList({ per_page: 100 });
    const [first, second] = machines
      .filter((one) => one.attributes.friendly_status === 'off')
      .map((one) => one.attributes.id)
      .sort((a, b) => a - b);
    if (!title || first === undefined || second === undefined)
      throw new UsageError(
        'The tour needs a title in the catalogue and two machines that are off.',
        'conflict',
      );
    return { title, first, second };
  }

  async #build(title: { id: number; name: string }): Promise<number> {
    this.#guide.say(
      `Build an image: the newest base with ${title.name} installed. The answer comes at once; the work goes on.`,
    );
    return this.#install('Tour: built', title.id);
  }

  async #buildAgain({ id }: { id: number }): Promise<number> {
    this.#guide.say('The same list again: every step is found in the build cache.');
    return this.#install('Tour: built again', id);
  }

  async #install(name: string, softwareId: number): Promise<number> {
    const image = await this.#guide.aloud(() =>
      this.#client.imageInstall({ name, software_ids: [softwareId] }),
    );
    return this.#whenAvailable(image.attributes.id);
  }

  async #assign(image: number, first: number, second: number): Promise<void> {
    this.#guide.say(
      `Assign the image to machines ${first} and ${second}: one request, whatever their number.`,
    );
    await this.#guide.aloud(() =>
      this.#client.imageAssign({ id: image, machine_ids: [first, second] }),
    );
  }

  async #start(machine: number): Promise<void> {
    this.#guide.say(`Start machine ${machine}: its disk is made from the image, and it boots.`);
    await this.#guide.aloud(() => this.#client.machineStart({ id: machine }));
    await this.#whenSettled(machine, 'ready');
    this.#guide.say(`Look inside machine ${machine}.`);
  }

  async #capture(machine: number): Promise<number> {
    this.#guide.say(`Stop machine ${machine}, and capture its disk as an image.`);
    await this.#guide.aloud(() => this.#client.machineStop({ id: machine, gracefully: true }));
    await this.#whenSettled(machine, 'off');
    const image = await this.#guide.aloud(() =>
      this.#client.imageCapture({ machine_id: machine, name: 'Tour: captured' }),
    );
    return this.#whenAvailable(image.attributes.id);
  }

  async #giveTo(machine: number, image: number): Promise<void> {
    this.#guide.say(`Give the capture to machine ${machine}, start it, and look for the note.`);
    await this.#guide.aloud(() => this.#client.imageAssign({ id: image, machine_ids: [machine] }));
    await this.#guide.aloud(() => this.#client.machineStart({ id: machine }));
    await this.#whenSettled(machine, 'ready');
    await this.#look(machine, 'hostname; cat /root/note');
    await this.#guide.aloud(() => this.#client.machineStop({ id: machine }));
    await this.#whenSettled(machine, 'off');
  }

  /** Shows the output of a script inside a machine. */
  async #look(machine: number, script: string): Promise<void> {
    const said = await this.#inside(machine, script);
    if (said === null)
      return this.#guide.say('(The simulator runs no guests, so there is nothing to look into.)');
    this.#guide.terminal.out(`  # ${script}`);
    for (const line of said.trimEnd().split('\n')) this.#guide.terminal.out(`    ${line}`);
  }

  async #whenAvailable(id: number): Promise<number> {
    const image = await waiting(this.#guide.terminal, (options) =>
      waitForImage(this.#client, id, options),
    );
    const { status, status_reason: reason } = image.attributes;
    if (status !== 'available')
      throw new UsageError(`Image ${id} is ${status}: ${reason ?? 'no reason is known'}`, 'failed');
    this.#guide.say(`Image ${id} is available.`);
    return id;
  }

  async #whenSettled(id: number, wanted: 'ready' | 'off'): Promise<void> {
    const machine = await waiting(this.#guide.terminal, (options) =>
      waitForMachine(this.#client, id, options),
    );
    const { friendly_status: status, status_reason: reason } = machine.attributes;
    if (status !== wanted)
      throw new UsageError(
        `Machine ${id} is ${status}: ${reason ?? 'no reason is known'}`,
        'failed',
      );
    this.#guide.say(`Machine ${id} is ${status}.`);
  }
}

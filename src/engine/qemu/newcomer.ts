// Watches a machine on a fresh disk until the disk has an identity of its own, because the identity
// of the disk that it was copied from must not be used, least of all on the network. cloud-init in
// the guest (or the demo base's unit) gives it one and says so on the second serial port. In a
// guest without those, the guest agent is asked to. The card has no link until then. This lives in
// memory: when a server dies during a start, the next attempt begins again.

import { renewScript } from '../guest-script.ts';
import type { Identity } from '../identity.ts';
import { agentAnswers, agentExec } from './agent.ts';

const agentMs = 1500;
const againMs = 5000;
/** It is asked after this share of the time that it took until its first answer. */
const patience = 0.1;
/** Making host keys takes long under emulation. */
const scriptMs = 180_000;
/** How long cloud-init may take in a guest whose agent runs no commands. */
const aloneMs = 120_000;
const heardBytesMax = 4096;
/** cloud-init is at work before the network is up, and waits for the network. */
const cloudInit = /Cloud-init v\..*running '/;
/** By which the script says that cloud-init will do it. */
const notYet = 75;

interface Welcome {
  identity: Identity;
  /** Whether its disk is larger than the layer below. */
  grows: boolean;
  /** Whether the machine becomes a template. */
  template?: boolean;
  /** The path of the agent's socket. */
  agent: string;
  /** Connects the card. */
  giveLink: () => Promise<void>;
}

export class Newcomer {
  readonly #identity: Identity;
  readonly #how: { grows: boolean; template: boolean };
  readonly #agent: string;
  readonly #giveLink: () => Promise<void>;
  #heard = '';
  #linked = false;
  #asking = false;
  #done = false;
  readonly #begunAt = Date.now();
  #askAt: number | null = null;
  #answeredAt: number | null = null;

  constructor({ identity, grows, template = false, agent, giveLink }: Welcome) {
    this.#identity = identity;
    this.#how = { grows, template };
    this.#agent = agent;
    this.#giveLink = giveLink;
  }

  /**
   * Takes the text that came in on the second serial port since the last call, and the console so
   * far. `copy`: the guest is up, and its identity cannot be renewed.
   */
  async state(heard: string, console: string): Promise<'on' | 'ready' | 'copy'> {
    this.#heard = (this.#heard + heard).slice(-heardBytesMax);
    if (this.#heard.includes(`silversmith-ready ${this.#identity.instance}`)) this.#done = true;
    if (this.#done || cloudInit.test(console)) await this.#link();
    if (this.#done) return 'ready';
    if (this.#answeredAt !== null && Date.now() - this.#answeredAt > aloneMs && !this.#asking) {
      await this.#link();
      return 'copy';
    }
    if (!this.#asking && Date.now() >= (this.#askAt ?? 0)) await this.#ask();
    return 'on';
  }

  /**
   * Whether a script may be running in the guest. One may also when the machine is ready, because
   * the agent was asked before the guest said so by itself.
   */
  get isAsking(): boolean {
    return this.#asking;
  }

  async #link(): Promise<void> {
    if (this.#linked) return;
    await this.#giveLink();
    this.#linked = true;
  }

  async #ask(): Promise<void> {
    if (!(await agentAnswers(this.#agent, agentMs))) return;
    const now = Date.now();
    this.#askAt ??= now + patience * (now - this.#begunAt);
    if (now < this.#askAt) return;
    this.#asking = true;
    // Do not wait for it, because the machine may be asked to stop meanwhile.
    agentExec(this.#agent, ['/bin/sh'], {
      limitMs: scriptMs,
      input: renewScript(this.#identity, 'agent', this.#how),
    })
      .then(
        ({ exitCode }) => {
          if (exitCode === 0) this.#done = true;
          else if (exitCode !== notYet) this.#answeredAt ??= Date.now();
        },
        () => {
          this.#answeredAt ??= Date.now();
        },
      )
      .finally(() => {
        this.#asking = false;
        this.#askAt = Date.now() + againMs;
      });
  }
}

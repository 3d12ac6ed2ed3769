// Runs one start of a build on a base whose recipes are run by the guest agent. The build machine
// boots as a machine does. When the agent answers it starts the recipe; the output is read from a
// file in the guest, again and again. Then the guest is asked to power off.

import { join } from 'node:path';
import type { LayerId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { outputLines } from '../../lib/output-lines.ts';
import { OutputTail } from '../../lib/output-tail.ts';
import { agentExec, agentHasEnded, agentShutdown, agentStart } from './agent.ts';
import { agentRead } from './agent-file.ts';
import type { agentRun } from './agent-script.ts';
import { type Outcome, outcomeIn, outputBytesMax } from './build-guest.ts';
import type { Cage } from './confine.ts';
import { launch } from './launch.ts';
import { endProcess, findProcess, type Own } from './process.ts';
import { type JsonSocket, type Message, openMonitor } from './qmp.ts';
import { takeRing } from './ring.ts';
import { isGuestReset, pulseOf, vitalsSocket } from './vitals.ts';

const [monitorMs, agentMs, pollMs] = [5000, 5000, 500];
const trimMs = 60_000;
/** A system may finish its work when it powers off, such as updates. */
const powerOffMs = 300_000;
const consoleBytesKept = 16_384;

interface AgentBuild {
  layerId: LayerId;
  args: string[];
  cage: Cage;
  run: ReturnType<typeof agentRun>;
  /** The text before the exit status, which the guest prints last. */
  mark: string;
  timeoutMs: number;
  /** The exit status with which the recipe asks for a reboot. */
  rebootStatus: number | undefined;
  onLine?: ((line: string) => void) | undefined;
}

export async function runByAgent(
  build: AgentBuild,
  signal: AbortSignal,
  own: Own,
): Promise<Outcome> {
  const guest = new AgentGuest(build, signal);
  try {
    await launch(build.args, build.cage, signal);
    await guest.follow();
    return guest.outcome();
  } finally {
    guest.close();
    const found = await findProcess(own, 'build', build.layerId);
    if (found) await endProcess(found);
  }
}

class AgentGuest {
  readonly #build: AgentBuild;
  readonly #signal: AbortSignal;
  readonly #agent: string;
  readonly #endAt: number;
  readonly #output = new OutputTail();
  readonly #lines: (chunk: Buffer) => void;
  #monitor: JsonSocket | null = null;
  #console = '';
  /** The recipe's process in the guest; null before it was started. */
  #pid: number | null = null;
  #ended: Outcome['ended'] = null;
  #shutdown: string | null = null;

  constructor(build: AgentBuild, signal: AbortSignal) {
    this.#build = build;
    this.#signal = signal;
    this.#agent = join(build.cage.cwd, 'agent.sock');
    this.#endAt = performance.now() + build.timeoutMs;
    this.#lines = outputLines(build.onLine ?? (() => {}), (line) => line.startsWith(build.mark));
  }

  outcome(): Outcome {
    return {
      ...outcomeIn(this.#output, this.#build.mark),
      shutdown: this.#shutdown,
      console: this.#console,
      ended: this.#ended,
    };
  }

  close(): void {
    this.#monitor?.close();
  }

  /** Returns when the recipe has ended and the guest is off, or when the guest was ended. */
  async follow(): Promise<void> {
    this.#monitor = await openMonitor(
      join(this.#build.cage.cwd, vitalsSocket),
      monitorMs,
      (event) => {
        // A system that sets itself up may reboot before its agent answers.
        if (isGuestReset(event) && this.#pid !== null) this.#shutdown ??= 'guest-reset';
      },
    );
    while (await this.#goesOn()) {
      if (this.#pid === null) await this.#start();
      else if (await this.#hasReported()) return this.#powerOff();
      await systemClock.sleep(pollMs, this.#signal).catch(() => {});
    }
  }

  /** Whether the guest still works on it; notes how it ended otherwise. */
  async #goesOn(): Promise<boolean> {
    if (this.#signal.aborted) this.#ended = 'aborted';
    else if (performance.now() >= this.#endAt) this.#ended = 'timeout';
    if (this.#ended !== null || this.#shutdown !== null) return false;
    const status = await this.#ask('query-status');
    const shown = await takeRing((...asked) => this.#ask(...asked), 'console');
    if (shown !== null) this.#console = (this.#console + shown).slice(-consoleBytesKept);
    const pulse = pulseOf(status);
    if (pulse === 'paused') this.#ended = 'disk-full';
    else if (pulse === 'off') this.#shutdown = 'guest-shutdown';
    else if (pulse !== 'running') this.#ended = 'panic';
    // Without a monitor its process is gone.
    return status !== null && pulse === 'running';
  }

  #ask(execute: string, args?: Message): Promise<unknown> {
    const asked = this.#monitor?.call(execute, args, monitorMs) ?? Promise.resolve(null);
    return asked.catch(() => null);
  }

  async #start(): Promise<void> {
    const { command, input } = this.#build.run;
    this.#pid = await agentStart(this.#agent, command, input, agentMs).catch(() => null);
  }

  /** Reads what was printed since the last time. */
  async #hasReported(): Promise<boolean> {
    // Ask first: what a process printed before its end is read after it.
    const isOver = await agentHasEnded(this.#agent, this.#pid ?? 0, agentMs).catch(() => false);
    const { output } = this.#build.run;
    const chunk = await agentRead(this.#agent, output, this.#output.bytes, agentMs).catch(
      () => null,
    );
    if (chunk !== null) {
      this.#output.push(chunk);
      this.#lines(chunk);
    }
    if (this.#output.bytes > outputBytesMax) this.#ended = 'output';
    const isWhole = chunk !== null && chunk.length === 0;
    return this.#output.tail().includes(this.#build.mark) || (isOver && isWhole);
  }

  async #powerOff(): Promise<void> {
    const { exitCode } = outcomeIn(this.#output, this.#build.mark);
    const { run, rebootStatus } = this.#build;
    // The disk of a recipe that failed is thrown away.
    if (exitCode !== 0 && exitCode !== rebootStatus) return;
    const { forget } = run;
    if (forget.length > 0) await agentExec(this.#agent, forget).catch(() => {});
    await agentShutdown(this.#agent, trimMs, this.#signal);
    const end = performance.now() + powerOffMs;
    while (!this.#signal.aborted && performance.now() < end) {
      const status = await this.#ask('query-status');
      if (status === null || pulseOf(status) !== 'running') return;
      await systemClock.sleep(pollMs, this.#signal).catch(() => {});
    }
    this.#ended = this.#signal.aborted ? 'aborted' : 'no-power-off';
  }
}

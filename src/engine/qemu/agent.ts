// Speaks to the guest agent: asks whether the guest is up, runs a command in it, and lets it shut
// down by itself. The guest controls every answer, so no answer is trusted.

import { systemClock } from '../../lib/clock.ts';
import type { ExecResult } from '../optional/exec.ts';
import { JsonSocket, type Message, PeerRefusal } from './qmp.ts';

const answerMs = 5000;
const execMs = 120_000;
/**
 * The agent writes a line into the guest's journal each time that it is asked for an end, so it is
 * asked after this share of the time that the command has taken.
 */
const [pollShare, pollLeastMs, pollMostMs] = [0.15, 50, 1000];
/** The most that a command may print, in Base64 as the agent sends it. */
const printedBytesMax = 16 * 1024 ** 2;

/**
 * Opens the agent's channel and discards bytes that an earlier connection left in it. Rejects when
 * no agent answers in time.
 */
export async function openAgent(
  path: string,
  timeoutMs: number,
  lineMost?: number,
): Promise<JsonSocket> {
  const socket = await JsonSocket.open(path, timeoutMs, lineMost === undefined ? {} : { lineMost });
  try {
    const id = Math.floor(Math.random() * 2 ** 31);
    // 0xFF resets the agent's parser, which then complains. Skip that complaint and the answers to
    // earlier connections.
    socket.write(Buffer.from([0xff]));
    await socket.call(
      'guest-sync-delimited',
      { id },
      timeoutMs,
      (message) => message.return === id,
    );
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/**
 * Whether the agent answers. It is `busy` while QEMU refuses a connection at once, because others
 * are open or it has not seen yet that they are over.
 */
async function agentState(path: string, timeoutMs: number): Promise<'answers' | 'busy' | 'silent'> {
  try {
    (await openAgent(path, timeoutMs)).close();
    return 'answers';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'busy' : 'silent';
  }
}

interface AgentWait {
  limitMs: number;
  pollMs: number;
  /** So many times an agent may be silent; times when it is busy do not count. */
  silentMax?: number;
}

/** Resolves to whether the agent answers; false when it does not in time. */
export async function awaitAgent(
  path: string,
  { limitMs, pollMs, silentMax = Number.POSITIVE_INFINITY }: AgentWait,
  signal: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (let silent = 0; silent < silentMax && performance.now() < end; ) {
    signal.throwIfAborted();
    const state = await agentState(path, answerMs);
    if (state === 'answers') return true;
    if (state === 'silent') silent++;
    await systemClock.sleep(pollMs, signal);
  }
  return false;
}

export const agentAnswers = async (path: string, timeoutMs: number): Promise<boolean> =>
  (await agentState(path, timeoutMs)) === 'answers';

/** No guest has so many. */
const usersMax = 1000;

/**
 * Asks the agent how many users are logged in; `users` is null when it does not tell. Null when no
 * agent answers in time.
 */
export async function agentLook(
  path: string,
  timeoutMs: number,
): Promise<{ users: number | null } | null> {
  return agentCall(path, 'guest-get-users', {}, timeoutMs).then(
    (users) => ({ users: Array.isArray(users) ? Math.min(users.length, usersMax) : null }),
    (error) => (error instanceof PeerRefusal ? { users: null } : null),
  );
}

/** Calls the agent once, on a connection of its own. Rejects when it refuses or does not answer. */
async function agentCall(path: string, execute: string, args: Message, timeoutMs: number) {
  const agent = await openAgent(path, timeoutMs);
  try {
    return await agent.call(execute, args, timeoutMs);
  } finally {
    agent.close();
  }
}

/**
 * Sets the guest's clock to that of the host, because the guest's clock stood still while it was
 * paused. False when no agent answers in time, or when the agent refuses. An agent also refuses
 * after it has set the time when its guest has no `hwclock` to pass it on; that counts as set.
 */
export async function agentSetTime(path: string, timeoutMs = answerMs): Promise<boolean> {
  // The agent counts in nanoseconds.
  const args = { time: Date.now() * 1e6 };
  return agentCall(path, 'guest-set-time', args, timeoutMs).then(
    () => true,
    (error) => error instanceof PeerRefusal && /hwclock/.test(error.message),
  );
}

/**
 * Asks the guest to give back the blocks of removed files, which a capture would keep, and then to
 * power off. False when no agent answers.
 */
export async function agentShutdown(
  path: string,
  trimMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  try {
    const agent = await openAgent(path, answerMs);
    const ending = closeOn(agent, signal);
    await agent.call('guest-fstrim', {}, trimMs).catch(() => {});
    // The agent does not answer a shutdown that works.
    await agent.call('guest-shutdown', { mode: 'powerdown' }, 500).catch(() => {});
    ending();
    return true;
  } catch {
    return false;
  }
}

/** Closes the channel when the signal aborts. The returned function closes it too. */
function closeOn(agent: JsonSocket, signal?: AbortSignal): () => void {
  const close = () => agent.close();
  signal?.addEventListener('abort', close, { once: true });
  if (signal?.aborted) close();
  return () => {
    signal?.removeEventListener('abort', close);
    close();
  };
}

/** As a shell has it: 0 to 255, and more than 128 for a command that a signal ended. */
function exitCodeOf({ exitcode, signal }: Message): number {
  const code = exitcode ?? (typeof signal === 'number' ? 128 + signal : null);
  return Number.isInteger(code) ? Number(code) & 0xff : 255;
}

const text = (base64: unknown) =>
  typeof base64 === 'string' ? Buffer.from(base64, 'base64').toString() : '';

/** Why a command was not run, or not to its end. */
export class AgentError extends Error {
  readonly why: 'no agent' | 'not run' | 'late';
  constructor(why: AgentError['why'], message: string) {
    super(message);
    this.why = why;
  }
}

interface ExecOptions {
  limitMs?: number;
  /** How long the agent may take for an answer. */
  agentMs?: number;
  input?: string;
  /** The agent is asked at once when it resolves, and seldom before. */
  wake?: Promise<unknown>;
  signal?: AbortSignal;
}

/** The agent refuses what it cannot run; any other failure means that no agent answers. */
const failing = (error: unknown): never => {
  const why = error instanceof PeerRefusal ? 'not run' : 'no agent';
  throw new AgentError(why, (error as Error).message);
};

/** Starts a command and returns the number of its process. What it prints is lost. */
export async function agentStart(
  path: string,
  [command = '', ...args]: readonly string[],
  input: string | undefined,
  timeoutMs: number,
): Promise<number> {
  const data = input === undefined ? {} : { 'input-data': Buffer.from(input).toString('base64') };
  const started = await agentCall(
    path,
    'guest-exec',
    { path: command, arg: args, ...data },
    timeoutMs,
  );
  const { pid } = (started ?? {}) as Message;
  if (!Number.isSafeInteger(pid)) throw new Error('the agent named no process');
  return Number(pid);
}

/** Whether a command that was started has ended. The agent tells of an end only once. */
export async function agentHasEnded(path: string, pid: number, timeoutMs: number) {
  const status = await agentCall(path, 'guest-exec-status', { pid }, timeoutMs);
  return ((status ?? {}) as Message).exited === true;
}

/** Waits, or until the promise resolves. */
async function pause(ms: number, woken?: Promise<unknown>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  await Promise.race([over.promise, ...(woken ? [woken] : [])]);
  clearTimeout(timer);
}

/**
 * Runs a command to its end, within the limit; `input` is its standard input. Throws AgentError,
 * also when the signal aborts.
 */
export async function agentExec(
  path: string,
  [command = '', ...args]: readonly string[],
  { limitMs = execMs, agentMs = answerMs, input, wake, signal }: ExecOptions = {},
): Promise<ExecResult> {
  const agent = await openAgent(path, agentMs, printedBytesMax).catch(failing);
  const ending = closeOn(agent, signal);
  try {
    const data = input === undefined ? {} : { 'input-data': Buffer.from(input).toString('base64') };
    const start = { path: command, arg: args, 'capture-output': true, ...data };
    const started = await agent.call('guest-exec', start, agentMs).catch(failing);
    const { pid } = (started ?? {}) as Message;
    const begun = performance.now();
    /** From when on it is asked often; null before it is woken. */
    let since = wake === undefined ? begun : null;
    const woken = wake?.then(() => {
      since = performance.now();
    });
    while (performance.now() - begun < limitMs) {
      const asked = await agent.call('guest-exec-status', { pid }, agentMs).catch(failing);
      const status = (asked ?? {}) as Message;
      if (status.exited === true) {
        return {
          exitCode: exitCodeOf(status),
          stdout: text(status['out-data']),
          stderr: text(status['err-data']),
        };
      }
      if (since === null) await pause(pollMostMs, woken);
      else {
        const passedMs = performance.now() - since;
        await pause(Math.min(Math.max(passedMs * pollShare, pollLeastMs), pollMostMs));
      }
    }
    throw new AgentError('late', `${limitMs / 1000} s`);
  } finally {
    ending();
  }
}

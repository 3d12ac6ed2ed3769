// The life of a machine that is on: how its guest may end, whether it is started again then, and
// when it counts as idle.

export const crashPolicies = ['off', 'restart'] as const;
/** `off`: a machine whose guest died stays off. `restart`: it is started again, a few times. */
export type CrashPolicy = (typeof crashPolicies)[number];

/** What machines do that were given no policy of their own. */
export interface MachinePolicy {
  crashPolicy: CrashPolicy;
  /** Seconds of idleness after which a machine is stopped; 0: never. */
  autoStopS: number;
}

/** The policy of a machine: its own, else that of the installation. */
export const policyOf = (
  machine: Pick<MachineLife, 'crashPolicy' | 'autoStopS'>,
  standard: MachinePolicy,
): MachinePolicy => ({
  crashPolicy: machine.crashPolicy ?? standard.crashPolicy,
  autoStopS: machine.autoStopS ?? standard.autoStopS,
});

/** The longest `autoStopS`: a year. */
export const autoStopMostS = 365 * 24 * 3600;

/** The part of a machine that tells of its life. Each time is null where it does not apply. */
export interface MachineLife {
  /** Null: that of the installation. */
  crashPolicy: CrashPolicy | null;
  autoStopS: number | null;
  /** How often in a row its guest died, and when it did so last. */
  crashCount: number;
  crashedAt: number | null;
  /** When it is to be started again after its guest died. */
  restartAt: number | null;
  /** Since when its guest has been rebooting. */
  rebootingAt: number | null;
  /** Since when its guest agent, which answered before, has been silent. */
  silentAt: number | null;
  /** Since when it has been idle; looked at only where `autoStopS` is not 0. */
  idleAt: number | null;
}

/** The facts about a guest that end with it. */
export const notAlive = { rebootingAt: null, silentAt: null, idleAt: null } as const;

/** How a machine's guest ended, or why its machine was stopped without being asked for. */
export type GuestEnd = 'off' | 'crashed' | 'hung' | 'broken' | 'killed' | 'idle';
export const guestEnds: readonly GuestEnd[] = [
  'off',
  'crashed',
  'hung',
  'broken',
  'killed',
  'idle',
];

export const endReasons: Readonly<Record<Exclude<GuestEnd, 'idle'>, string>> = {
  off: 'The machine went off by itself: its guest powered off.',
  crashed: 'The machine went off, because its kernel crashed.',
  hung: 'The machine was ended, because its guest hung: it stopped feeding its watchdog.',
  broken:
    'The machine was ended, because its processor could not go on: an internal error of QEMU, which the log of the host may explain.',
  killed:
    'The machine went off, because its process ended and its guest had not powered off: it was killed (by the host, when its memory was full, or by an operator), or the host restarted.',
};

/** Restarts in a row, before a machine stays off. */
export const restartsMax = 5;
/** The wait before the first restart; each further one waits twice as long. */
const restartMs = 10_000;
/** A guest that lived so long since its last crash has recovered from it. */
const recoveredMs = 3600_000;

/**
 * What a machine's life is after its guest died. `says` is a sentence to add to the reason; it may
 * be empty. A guest that powered off by itself did not die.
 */
export function afterEnd(
  {
    crashCount,
    crashedAt,
    crashPolicy,
  }: Pick<MachineLife, 'crashCount' | 'crashedAt' | 'crashPolicy'>,
  end: GuestEnd,
  standard: MachinePolicy,
  now: number,
): { life: Pick<MachineLife, 'crashCount' | 'crashedAt' | 'restartAt'>; says: string } {
  if (end === 'off' || end === 'idle')
    return { life: { crashCount, crashedAt, restartAt: null }, says: '' };
  // A crash that seems to lie ahead was noted before the clock went back, and is recent.
  const isInRow = crashedAt !== null && now - crashedAt < recoveredMs;
  const count = (isInRow ? crashCount : 0) + 1;
  const life = { crashCount: count, crashedAt: now };
  if ((crashPolicy ?? standard.crashPolicy) === 'off')
    return { life: { ...life, restartAt: null }, says: '' };
  if (count > restartsMax)
    return {
      life: { ...life, restartAt: null },
      says: ` It was started again ${restartsMax} times before, so it stays off; start it when the cause is mended.`,
    };
  const delayMs = restartMs * 2 ** (count - 1);
  return {
    life: { ...life, restartAt: now + delayMs },
    says: ` It is started again ${delayMs / 1000} s later (${count} of at most ${restartsMax} times).`,
  };
}

/** A machine that is busier than this part of one processor is in use. */
const idleCpuShare = 0.1;

/**
 * Whether a guest is idle, as far as can be known: it runs, its processors have next to nothing to
 * do, its agent tells of no user who is logged in, and no link opens its screen.
 */
export const isIdle = (seen: {
  isRunning: boolean;
  cpuShare: number | null;
  users: number | null;
  hasLink: boolean;
}): boolean =>
  seen.isRunning &&
  seen.cpuShare !== null &&
  seen.cpuShare < idleCpuShare &&
  (seen.users ?? 0) === 0 &&
  !seen.hasLink;

/** Whether a machine has been idle for its time. It is never stopped sooner after its start. */
export function isToStop(
  { idleAt, autoStopS }: Pick<MachineLife, 'idleAt' | 'autoStopS'>,
  lastSessionStartAt: number | null,
  standard: MachinePolicy,
  now: number,
): boolean {
  const mostMs = (autoStopS ?? standard.autoStopS) * 1000;
  if (mostMs === 0 || idleAt === null) return false;
  return now - Math.max(idleAt, lastSessionStartAt ?? 0) >= mostMs;
}

/** An agent that answered before is called silent after this. It is longer than any command. */
const silentMs = 300_000;

/** Since when an agent has been silent. One that was never heard leaves it as it was. */
export function silentSince(heardAgoMs: number | null, silentAt: number | null, now: number) {
  if (heardAgoMs === null) return silentAt;
  return heardAgoMs < silentMs ? null : (silentAt ?? now - heardAgoMs);
}

export const silentReason = (since: number): string =>
  `Its guest agent has not answered since ${new Date(since).toISOString()}: the guest may hang, or its agent was stopped. It stays on; look at its console, or stop it.`;

export const rebootingReason = 'Its guest is rebooting. It is ready again when the guest reports.';

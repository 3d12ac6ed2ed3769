// The exit statuses of every command, one row each. The help, the manual and JSON errors are
// printed from these rows.

export const exitStatuses = {
  done: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'the work, or part of it, failed' },
  usage: { code: 2, meaning: 'mistyped, or not confirmed' },
  not_found: { code: 3, meaning: 'there is no such thing' },
  refused: { code: 4, meaning: 'not permitted, or not valid' },
  conflict: { code: 5, meaning: 'not possible in this state' },
  unreachable: { code: 6, meaning: 'no answer from the server' },
  interrupted: { code: 130, meaning: 'Ctrl-C; work begun goes on' },
  terminated: { code: 143, meaning: 'ended by SIGTERM' },
} as const satisfies Record<string, { code: number; meaning: string }>;

export type ExitKind = keyof typeof exitStatuses;

export const exitCode = (kind: ExitKind): number => exitStatuses[kind].code;

/** The rows as lines of a help page. */
export const exitLines = (): string =>
  Object.values(exitStatuses)
    .map(({ code, meaning }) => `  ${String(code).padEnd(4)}  ${meaning}`)
    .join('\n');

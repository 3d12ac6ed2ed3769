// Shows a long text in the pager of its user, such as less. It runs without a shell, and gets what
// a pager needs of the environment and nothing else, because that may hold secrets.

import { spawn } from 'node:child_process';
import type { Environment } from '../lib/environment.ts';
import { systemPath } from '../lib/spawn.ts';

/** It ends by itself when the text fits, passes colours, and leaves the text on the screen. */
const usual = ['less', '-FRX'];
const passedOn = ['HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TERM', 'LESS', 'LESSCHARSET', 'MORE'];
const signals = ['SIGINT', 'SIGQUIT'] as const;

/** The words of the pager; none where PAGER is empty or only copies. */
function pagerWords({ PAGER }: Environment): string[] {
  const words = PAGER === undefined ? usual : PAGER.split(/\s+/).filter((word) => word !== '');
  return words[0] === 'cat' ? [] : words;
}

/** Resolves once the pager was left; to false, with nothing shown, when there is none that runs. */
export async function throughPager(text: string, env: Environment): Promise<boolean> {
  const [program, ...args] = pagerWords(env);
  if (program === undefined) return false;
  const known = passedOn.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // Ctrl-C is for the pager, which would else be left behind on the terminal. It may come as soon
  // as the pager runs.
  const ignore = () => {};
  for (const signal of signals) process.on(signal, ignore);
  try {
    const child = spawn(program, args, {
      env: { LESS: 'FRX', ...Object.fromEntries(known), PATH: env.PATH ?? systemPath },
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    return await new Promise<boolean>((resolve) => {
      child.once('error', () => resolve(false));
      child.once('close', () => resolve(true));
      // It may be left before it has read everything.
      child.stdin.on('error', ignore);
      child.stdin.end(`${text}\n`);
    });
  } finally {
    for (const signal of signals) process.removeListener(signal, ignore);
  }
}

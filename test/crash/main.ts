// npm run crash: kills a server before the steps of one scenario, or of all of them, and records in
// steps.json where it died. It runs kill.test.ts with the selection that its arguments name.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { leftOutWithoutRoot } from '../support.ts';
import { scenarios } from './scenarios.ts';
import { parseSelection, type Selection, toEnvironment } from './selection.ts';

const usage = `Usage: npm run crash -- [options]

Kills a real server before each step of its work, lets another server take over, and
examines everything. The steps at which it died are recorded in test/crash/steps.json.

  --scenario NAME   one scenario only; the beginning of its name is enough
  --store NAME      sqlite (when left out), or postgres: a real PostgreSQL, with the
                    simulator
  --engine NAME     simulator or qemu; both when left out
  --fault NAME      kill (SIGKILL), power (the power of the disk is cut too: needs
                    --engine qemu and root), or database (it crashes, and the server lives
                    on: needs --store postgres); all that the store has when left out
  --steps WHICH     every (when left out): all steps
                    new: those that steps.json does not have
                    sample: what npm test takes; nothing is recorded
  --help

Scenarios:
${Object.keys(scenarios)
  .map((name) => `  ${name}\n`)
  .join('')}
Everything takes over an hour; one scenario on one engine takes minutes.
`;

const options = {
  scenario: { type: 'string' },
  store: { type: 'string' },
  engine: { type: 'string' },
  fault: { type: 'string' },
  steps: { type: 'string' },
  help: { type: 'boolean' },
} as const;

/** Returns the selection, or the exit status when there is nothing to run. */
function selectionFrom(args: string[]): Selection | number {
  try {
    const { help, ...typed } = parseArgs({ args, options }).values;
    if (help) {
      process.stdout.write(usage);
      return 0;
    }
    const selection = parseSelection(typed, Object.keys(scenarios));
    if (selection.fault === 'power' && leftOutWithoutRoot !== false)
      throw new RangeError('Power cuts mount a disk, which only root may: sudo npm run crash …');
    return selection;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nnpm run crash -- --help says more.\n`);
    return 2;
  }
}

const selection = selectionFrom(process.argv.slice(2));
process.exitCode =
  typeof selection === 'number'
    ? selection
    : (spawnSync(
        process.execPath,
        [
          '--test',
          '--test-concurrency=1',
          '--test-reporter=spec',
          new URL('./kill.test.ts', import.meta.url).pathname,
        ],
        { stdio: 'inherit', env: { ...process.env, ...toEnvironment(selection) } },
      ).status ?? 1);

// The runtimes in which the client is tried, as packages of npm have them, and the client as it is
// packed. They are fetched anew in each run, in these versions.

import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { npm, pack } from '../packages/packed.ts';

const deno = '2.9.6';
const bun = '1.4.5';
/** The oldest that the package promises, and the last of the line between that one and ours. */
const nodes = ['20.3.0', '22.23.3'];
const limitMs = 60_000;

const packages = [
  `deno@${deno}`,
  `bun@${bun}`,
  ...nodes.map((one) => `node-${one}@npm:node-linux-${process.arch}@${one}`),
];

/** How each runtime runs a file. */
export const runtimes = {
  'Node of the tests': [process.execPath],
  ...Object.fromEntries(nodes.map((one) => [`Node ${one}`, [`node-${one}/bin/node`]])),
  [`Deno ${deno}`]: ['.bin/deno', 'run', '--allow-env', '--allow-net=127.0.0.1', '--no-prompt'],
  [`Bun ${bun}`]: ['.bin/bun', 'run'],
};

const entry = `import { main } from './program.js';
console.log(JSON.stringify(await main(JSON.parse(process.env.ARGUMENTS))));
`;

/** A project with the client and the program, and the runtimes beside it. */
export async function newProject(folder: string) {
  const [home, tools] = [join(folder, 'project'), join(folder, 'tools')];
  for (const one of [home, tools]) {
    await mkdir(one);
    await writeFile(join(one, 'package.json'), '{ "type": "module", "private": true }');
  }
  npm(home, 'install', pack('packages/client', join(folder, 'packed')).file);
  await copyFile(new URL('program.js', import.meta.url), join(home, 'program.js'));
  await writeFile(join(home, 'entry.js'), entry);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], {
    cwd: tools,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 4 * limitMs,
  });
  return {
    home,
    /** Runs the program in a runtime; throws with what it said. */
    run([command = '', ...args]: readonly string[], given: object): unknown {
      const program = command.startsWith('/') ? command : join(tools, 'node_modules', command);
      const said = execFileSync(program, [...args, 'entry.js'], {
        cwd: home,
        encoding: 'utf8',
        timeout: limitMs,
        env: { PATH: process.env.PATH, HOME: folder, ARGUMENTS: JSON.stringify(given) },
      });
      return JSON.parse(said);
    },
  };
}

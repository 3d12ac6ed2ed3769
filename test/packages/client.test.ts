// npm run test:packages: the client as newcomers get it. They make a project in an empty folder,
// install the tarball, and do the main job against a server on the simulator. The client needs no
// registry; an old compiler, which is tried as well, is fetched.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { demoKey, demoServer } from '../demo-server.ts';
import { defer, temporaryFolder } from '../support.ts';
import { npm, npmOnline, pack, run, tsc, typesFolder } from './packed.ts';
import { readmePrograms, typedProgram } from './programs.ts';

const tarballBytesMax = 70_000;
const oldestCompiler = '5.7.2';
const limit = { timeout: 240_000 };

/** A project in an empty folder, with the client installed. */
async function project(t: TestContext, files: Record<string, string>) {
  const folder = await temporaryFolder(t);
  const packed = pack('packages/client', join(folder, 'packed'));
  const home = join(folder, 'project');
  await mkdir(home);
  await writeFile(join(home, 'package.json'), '{ "type": "module", "private": true }');
  npm(home, 'install', packed.file);
  for (const [name, text] of Object.entries(files)) await writeFile(join(home, name), text);
  return { home, packed };
}

async function server(t: TestContext) {
  const dataDir = join(await temporaryFolder(t), 'data');
  const demo = demoServer(dataDir);
  defer(t, () => demo.end('SIGTERM'));
  await demo.start();
  return { url: demo.url(), ...(await demoKey(dataDir)) };
}

const strict = { strict: true, skipLibCheck: false, target: 'es2022' };
const options = (more: object) =>
  JSON.stringify({
    compilerOptions: { ...strict, ...more },
    include: ['*.ts'],
  });
const declared = "import { createClient } from 'silversmith-client';\n";
const filesProgram = `${declared}declare const client: ReturnType<typeof createClient>;\n`;
const eventsProgram = `import type { Image } from 'silversmith-client';
${filesProgram}declare const image: Image;
`;
const otherProgram = `${declared}declare const [url, key, secret]: string[];\n`;

describe('a newcomer’s project', () => {
  it('in JavaScript runs the program of the README as it is', limit, async (t) => {
    const { home, packed } = await project(t, { 'program.js': readmePrograms.main });
    t.diagnostic(`the tarball has ${packed.bytes} bytes`);
    assert.ok(packed.bytes <= tarballBytesMax, `${packed.bytes} bytes`);
    assert.ok(['LICENSE', 'README.md', 'package.json'].every((one) => packed.names.includes(one)));
    const { url, key, secret } = await server(t);
    const said = run(home, ['program.js'], {
      SILVERSMITH_URL: url,
      SILVERSMITH_KEY: key,
      SILVERSMITH_SECRET: secret,
    });
    assert.match(said, /runs on Office\n$/);
  });

  it('in TypeScript compiles strictly in each usual way, and runs', limit, async (t) => {
    const { home } = await project(t, {
      'program.ts': typedProgram,
      'events.ts': eventsProgram + readmePrograms.events,
      'errors.ts': readmePrograms.errors,
      'files.ts': filesProgram + readmePrograms.files.replace('const client = ', ''),
      'other.ts': otherProgram + readmePrograms.other,
    });
    const node = { types: ['node'], typeRoots: [typesFolder] };
    for (const more of [
      { module: 'nodenext', ...node, outDir: 'out' },
      { module: 'nodenext', ...node, lib: ['es2023'], exactOptionalPropertyTypes: true },
      { module: 'esnext', moduleResolution: 'bundler', ...node, lib: ['es2022', 'dom'] },
    ]) {
      await writeFile(
        join(home, 'tsconfig.json'),
        options({ noEmit: !('outDir' in more), ...more }),
      );
      run(home, [tsc, '--project', home]);
    }
    // The oldest compiler that the README promises; the types of Node are for newer ones.
    npmOnline(home, 'install', `typescript@${oldestCompiler}`);
    await writeFile(
      join(home, 'tsconfig.json'),
      JSON.stringify({
        ...{ files: ['errors.ts', 'other.ts'] },
        compilerOptions: { ...strict, module: 'nodenext', noEmit: true, types: [] },
      }),
    );
    run(home, ['node_modules/typescript/bin/tsc', '--project', home]);
    const { url, key, secret } = await server(t);
    const said = run(home, ['out/program.js'], { URL: url, KEY: key, SECRET: secret });
    assert.equal(said, 'Typed can be assigned\nready Typed\nnot_found\n');
  });
});

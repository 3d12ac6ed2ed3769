// npm run test:clients -- --specification FILE_OR_URL Four generators make clients of the
// specification's OpenAPI document and of our own, and one program is compiled against both. The
// generators are fetched in the versions below. It takes about two minutes, and needs the network
// and Java. The specification's document is not part of this tree.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { olderOpenApiDocument } from '../../src/contract/print/openapi-3-0.ts';
import { type GeneratorName, programs } from './programs.ts';

const packages = {
  'openapi-typescript': '7.13.0',
  'openapi-fetch': '0.17.0',
  '@hey-api/openapi-ts': '0.95.0',
  orval: '7.13.2',
  // The last version that contains the program; later versions fetch it from elsewhere.
  '@openapitools/openapi-generator-cli': '1.0.18-5.0.0-beta2',
  // openapi-typescript needs the interface of this version.
  typescript: '5.9.3',
};
const limitMs = 10 * 60_000;
const jar = 'node_modules/@openapitools/openapi-generator-cli/bin/openapi-generator.jar';

/** The command of each generator, and whether it knows OpenAPI 3.1. */
const generators: Record<
  GeneratorName,
  { knows31: boolean; command(document: string, to: string): string[] }
> = {
  'openapi-typescript': {
    knows31: true,
    command: (document, to) => ['npx', 'openapi-typescript', document, '-o', `${to}/client.ts`],
  },
  'hey-api': {
    knows31: true,
    command: (document, to) => [
      'npx',
      'openapi-ts',
      '-i',
      document,
      '-o',
      `${to}/client`,
      '-c',
      '@hey-api/client-fetch',
    ],
  },
  orval: {
    knows31: true,
    command: (document, to) => [
      'npx',
      'orval',
      '--input',
      document,
      '--output',
      `${to}/client.ts`,
      '--client',
      'fetch',
    ],
  },
  'openapi-generator': {
    knows31: false,
    command: (document, to) => [
      ...[
        'java',
        '-jar',
        jar,
        'generate',
        '-i',
        document,
        '-g',
        'typescript-fetch',
        '-o',
        `${to}/client`,
      ],
      '--additional-properties=typescriptThreePlus=true',
    ],
  },
};

const compilerOptions = {
  ...{
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'],
  },
  ...{ module: 'esnext', moduleResolution: 'bundler', allowImportingTsExtensions: true, types: [] },
};

function usage(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

const { values } = parseArgs({ options: { specification: { type: 'string' } } });
if (values.specification === undefined)
  usage(
    'Give the OpenAPI document of the specification, as a file or an address: --specification images.openapi.json',
  );
if (spawnSync('java', ['-version']).status !== 0)
  usage('openapi-generator needs Java; install it: apt-get install default-jre-headless');

const folder = mkdtempSync(join(tmpdir(), 'silversmith-clients-'));
const run = ([command = '', ...args]: string[]) => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: limitMs,
  });
  return { good: status === 0, said: `${stdout}${stderr}`.trim() };
};
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

async function read(place: string): Promise<string> {
  if (!/^https?:/.test(place)) return readFileSync(place, 'utf8');
  const response = await fetch(place);
  if (!response.ok) usage(`${place} answered ${response.status}.`);
  return response.text();
}

type Operation = {
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  responses: object;
};
interface Document {
  paths: Record<string, Record<string, Operation>>;
}

/**
 * Repairs the published document: it has answers under codes that are no HTTP status, which two
 * generators refuse, and it does not declare the parameters of its paths.
 */
function repaired(document: Document): Document {
  for (const [path, item] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    for (const operation of Object.values(item)) {
      const declared = operation.parameters ?? [];
      const missing = names.filter((name) => !declared.some((one) => one.name === name));
      const added = missing.map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'integer' },
      }));
      operation.parameters = [...added, ...declared];
      const statuses = Object.entries(operation.responses).filter(([status]) =>
        /^[1-5]\d\d$/.test(status),
      );
      operation.responses = Object.fromEntries(statuses);
    }
  }
  return document;
}

const ours = new URL('../../api/openapi.json', import.meta.url);
let failures = 0;
try {
  write(
    'specification.json',
    JSON.stringify(repaired(JSON.parse(await read(values.specification)))),
  );
  write('ours.json', readFileSync(ours, 'utf8'));
  write('ours-3.0.json', JSON.stringify(olderOpenApiDocument()));
  write('package.json', JSON.stringify({ private: true, type: 'module', dependencies: packages }));
  process.stdout.write('fetching the generators …\n');
  const fetched = run([
    'npm',
    'install',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--loglevel',
    'error',
  ]);
  if (!fetched.good) throw new Error(`The generators cannot be fetched: ${fetched.said}`);
  for (const [name, { knows31, command }] of Object.entries(generators)) {
    for (const document of ['specification.json', knows31 ? 'ours.json' : 'ours-3.0.json']) {
      const to = `${name}-${document}`;
      mkdirSync(join(folder, to));
      write(`${to}/program.ts`, programs[name as GeneratorName]);
      write(`${to}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['program.ts'] }));
      const generated = run(command(document, to));
      const compiled = generated.good ? run(['npx', 'tsc', '--project', to]) : generated;
      if (!compiled.good) failures++;
      const result = compiled.good ? 'good' : `FAILED\n${compiled.said}`;
      process.stdout.write(`${name.padEnd(20)}${document.padEnd(20)}${result}\n`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;

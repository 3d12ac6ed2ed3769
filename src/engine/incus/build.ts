// A build machine is an instance made from the parent's image. It gets the recipe and its files,
// runs the recipe, is cleared of its identity and switched off, and is published as the layer. It
// never outlives its build: the next attempt at the same layer removes it.

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buildGuest, usualBuildGuest } from '../../domain/account.ts';
import { failedForGood, failedForNow } from '../../domain/error.ts';
import { outputLines } from '../../lib/output-lines.ts';
import { OutputTail } from '../../lib/output-tail.ts';
import { lastLines, outOfMemory, runBoots } from '../build-end.ts';
import { clearScript, clearUnit, recipeFunctions, workFolder } from '../guest-script.ts';
import type { BuildResult, BuildSpec } from '../port/builds.ts';
import type { Call } from '../port/call.ts';
import { readFile } from './base.ts';
import type { Body } from './client.ts';
import { buildName, type Incus, layerAlias } from './context.ts';
import { rootDisk } from './disk.ts';
import { IncusRefusal } from './error.ts';
import { runInside } from './exec.ts';
import { noCards } from './guest.ts';
import { claimLayer, getLayer, publish } from './image.ts';
import {
  ensureInstance,
  findInstance,
  isOn,
  removeInstance,
  startInstance,
  stopInstance,
} from './instance.ts';
import { cardsOf } from './project.ts';

const outputBytesMax = 16 * 1024 ** 2;
const upMs = 120_000;
const upTries = 240;
const clearMs = 120_000;
const powerOffMs = 60_000;
const fileMs = 60 * 60_000;

/**
 * Where a build keeps its files. It is no folder that the recipe of a generalisation clears,
 * because a shell reads its script while it runs.
 */
const folder = '/var/lib/silversmith-build';

const prepareScript = `mkdir -p ${folder}/files /run/silversmith || exit 1
if [ -d /run/systemd/system ]; then timeout 100 systemctl is-system-running --wait >/dev/null; fi
exit 0
`;

/** Prints, after what the recipe prints, a line with the number of processes that lacked memory. */
const runScript = (boot: number, mark: string) => `exec 2>&1
${recipeFunctions(`${folder}/recipe`, `${folder}/files`, { boot })}
before=$(oom_kills)
run_recipe
code=$?
after=$(oom_kills)
printf '\\n${mark}%s\\n' $((\${after:-0} - \${before:-0}))
exit $code
`;

/** Services write what they keep when they stop, so a guest with systemd is cleared after them. */
const finishScript = `cp ${folder}/clear ${folder}/clear.service /run/silversmith || exit 1
rm -rf ${workFolder} ${folder}
if [ -d /run/systemd/system ]; then
  cp /run/silversmith/clear.service /run/systemd/system/silversmith-clear.service
  systemctl daemon-reload && systemctl start silversmith-clear.service || exit 1
else
  sh /run/silversmith/clear >/dev/null 2>&1
fi
sync
exit 0
`;

export const removeBuild = (incus: Incus, layerId: BuildSpec['layerId'], call: Call) =>
  removeInstance(incus, buildName(layerId), call);

export async function buildLayer(incus: Incus, spec: BuildSpec, call: Call): Promise<BuildResult> {
  const { layerId, label, sizeBytes } = spec;
  const { signal } = call;
  await removeBuild(incus, layerId, call);
  const done = (output: string, storedBytes: number): BuildResult => ({
    exitCode: 0,
    output,
    virtualBytes: sizeBytes,
    storedBytes,
  });
  const existing = await claimLayer(incus, layerId, call);
  if (existing !== null) return done('', existing.size);
  const name = buildName(layerId);
  try {
    await startBuild(incus, spec, call);
    const { exitCode, output } = await runBoots(spec, (start) =>
      runBoot(incus, name, spec, start, signal),
    );
    if (exitCode !== 0) return { exitCode, output, virtualBytes: 0, storedBytes: 0 };
    await finish(incus, name, label, signal);
    return done(output, (await publish(incus, name, layerId, call)).size);
  } finally {
    // A call that its signal ended leaves the build machine to the next attempt.
    if (!signal.aborted) await removeBuild(incus, layerId, call);
  }
}

/** Starts the build machine anew, unless it was just made, and runs the recipe in it. */
async function runBoot(
  incus: Incus,
  name: string,
  { recipe, label, onLine = () => {} }: BuildSpec,
  { boot, leftMs }: { boot: number; leftMs: () => number },
  signal: AbortSignal,
): Promise<{ exitCode: number; output: string }> {
  if (boot > 1) {
    await stopInstance(incus, name, powerOffMs, signal);
    await startInstance(incus, name, signal);
    await prepare(incus, name, label, signal);
  }
  const begun = await runOf(incus, name, signal);
  const output = new OutputTail();
  const mark = `\x1esilversmith-oom ${randomBytes(16).toString('hex')} `;
  const lines = outputLines(onLine, (line) => line.startsWith(mark));
  const { exitCode, ended } = await runInside(
    incus,
    name,
    {
      command: ['/bin/sh', '-c', runScript(boot, mark)],
      limitMs: leftMs(),
      outputBytesMax,
      onOutput(_, chunk) {
        output.push(chunk);
        lines(chunk);
      },
    },
    signal,
  );
  const oomKills = Number(new RegExp(`${mark}([0-9]+)\\n`).exec(output.tail())?.[1] ?? 0);
  const said = output.toString().replace(new RegExp(`\\n?${mark}[0-9]+\\n$`), '');
  // An administrator may evacuate a member, or stop an instance; the recipe is not to blame then.
  if (exitCode !== 0 && ended === null && (await runOf(incus, name, signal)) !== begun)
    throw failedForNow(`${label} was interrupted, because the cluster stopped its build machine.`);
  if (ended === 'output')
    throw failedForGood(
      `${label} printed more than ${outputBytesMax} bytes while installing; make its script quieter.`,
      { output: said },
    );
  if (exitCode === null)
    throw failedForGood(
      `${label} was not done within its limit of ${Math.round(recipe.timeoutMs / 1000)} s.${lastLines(said)}`,
      { output: said },
    );
  if (oomKills > 0) throw outOfMemory(label, oomKills, said);
  return { exitCode, output: said };
}

/** Tells one run of an instance from another; null while it is off. */
async function runOf(incus: Incus, name: string, signal: AbortSignal): Promise<string | null> {
  const found = await findInstance(incus, name, signal);
  return found && isOn(found.value) ? `${found.value.last_used_at} ${found.value.location}` : null;
}

async function startBuild(incus: Incus, spec: BuildSpec, call: Call): Promise<void> {
  const { layerId, parentId, recipe, label, boot, sizeBytes } = spec;
  const { signal } = call;
  const { cpus, memoryMb } = buildGuest(boot.build ?? usualBuildGuest, [recipe]);
  if (recipe.network && (await cardsOf(incus.client, incus.profile, signal)).length === 0)
    throw failedForGood(
      `${label} needs the network, and machines have none: name a profile with a network card (--incus-profile), or take a title that brings its files.`,
    );
  const name = buildName(layerId);
  await ensureInstance(
    incus,
    {
      name,
      image: layerAlias(parentId),
      type: (await getLayer(incus, parentId, signal)).type,
      config: { 'limits.cpu': String(cpus), 'limits.memory': `${memoryMb}MiB` },
      devices: {
        ...rootDisk(incus, sizeBytes),
        ...(recipe.network ? {} : await noCards(incus, signal)),
      },
      target: null,
    },
    call,
  );
  await startInstance(incus, name, signal).catch((error) => {
    if (!(error instanceof IncusRefusal) || error.retry === 'later') throw error;
    throw failedForGood(
      `The build machine of ${label} does not start: its base needs a system that Incus can run (/sbin/init). ${error.message}`,
      { cause: error, ...(error.detail !== undefined && { detail: error.detail }) },
    );
  });
  await prepare(incus, name, label, signal);
  await push(incus, name, 'recipe', Buffer.from(recipe.script), '0755', signal);
  await push(incus, name, 'clear', Buffer.from(clearScript), '0755', signal);
  await push(incus, name, 'clear.service', Buffer.from(clearUnit), '0644', signal);
  for (const file of recipe.files) {
    const content = { content: readFile(incus, file, signal), bytes: file.bytes };
    await pushContent(incus, name, `files/${file.name}`, content, '0755', signal);
  }
}

/** Waits until the guest answers and its services are up. */
async function prepare(incus: Incus, name: string, label: string, signal: AbortSignal) {
  const end = performance.now() + upMs;
  const command = ['/bin/sh', '-c', prepareScript];
  const quiet = { limitMs: upMs, outputBytesMax, onOutput: () => {} };
  let detail = '';
  for (let tries = 0; tries < upTries && performance.now() < end; tries++) {
    try {
      const { exitCode } = await runInside(incus, name, { command, ...quiet }, signal);
      if (exitCode === 0) return;
      detail = `exit status ${exitCode}`;
    } catch (error) {
      signal.throwIfAborted();
      detail = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  if ((await runOf(incus, name, signal)) === null)
    throw failedForNow(`The build machine of ${label} was switched off while it came up.`);
  throw failedForGood(
    `The build machine of ${label} does not answer: its base needs a shell (/bin/sh), and virtual machines need Incus's agent.`,
    { detail },
  );
}

/** Clears the identity and switches the guest off, so that what it wrote is on its disk. */
async function finish(incus: Incus, name: string, label: string, signal: AbortSignal) {
  const command = ['/bin/sh', '-c', finishScript];
  const quiet = { limitMs: clearMs, outputBytesMax, onOutput: () => {} };
  const { exitCode } = await runInside(incus, name, { command, ...quiet }, signal);
  if (exitCode !== 0)
    throw failedForNow(`The layer of ${label} could not be cleared of its identity.`, {
      detail: `exit status ${exitCode}`,
    });
  await stopInstance(incus, name, powerOffMs, signal);
}

const push = (
  incus: Incus,
  name: string,
  path: string,
  bytes: Buffer,
  mode: string,
  signal: AbortSignal,
) =>
  pushContent(
    incus,
    name,
    path,
    { content: Readable.from([bytes]), bytes: bytes.length },
    mode,
    signal,
  );

async function pushContent(
  { client }: Incus,
  name: string,
  path: string,
  { content, bytes }: Pick<Body, 'content' | 'bytes'>,
  mode: string,
  signal: AbortSignal,
): Promise<void> {
  const headers = {
    'content-type': 'application/octet-stream',
    'x-incus-type': 'file',
    'x-incus-write': 'overwrite',
    'x-incus-mode': mode,
    'x-incus-uid': '0',
    'x-incus-gid': '0',
  };
  await client.ask('POST', `/1.0/instances/${name}/files`, signal, {
    query: { path: `${folder}/${path}` },
    body: { content, bytes, headers },
    timeoutMs: fileMs,
  });
}

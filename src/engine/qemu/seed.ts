// Writes seeds: small disks labelled `cidata` (NoCloud), which cloud-init, cloudbase-init and the
// demo base read. The seed of a machine gives it its identity. The seed of a build has the recipe,
// its files, and the script that runs it.

import { chmod, copyFile, link, mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recipe } from '../../domain/software.ts';
import { runCommand } from '../../lib/spawn.ts';
import { clearScript, clearUnit, recipeFunctions, renewScript } from '../guest-script.ts';
import type { Identity } from '../identity.ts';

const toolMs = 60_000;
/**
 * A clone finds its seed where its template had another one, so those of machines have one size.
 */
const seedBytesMin = 1024 ** 2;

/** The name of the virtio port that leads to the server in a build. */
export const resultPort = 'silversmith.result';

/**
 * Starts the line on which a build reports its exit status. The token is drawn for this one build
 * and given to the script that runs the recipe: nothing that a recipe prints is taken for it. (A
 * recipe is root in its guest and may look for the token there; it is the operator's own.)
 */
export const exitMark = (token: string) => `\x1esilversmith-exit ${token} `;

const buildUserData = (seed: BuildSeed) => `#!/bin/sh
# Runs the recipe of a build and reports on the result channel: a virtio port where the guest's
# kernel knows those, because the second serial port takes a second for each 75 KB.
out=/dev/ttyS1
modprobe -q virtio_console 2>/dev/null
for port in /sys/class/virtio-ports/*/name; do
  [ ! -r "$port" ] || [ "$(cat "$port")" != ${resultPort} ] || out=/dev/$(basename "\${port%/name}")
done
stty -F $out raw -echo 2>/dev/null
seed=/run/silversmith/seed
if [ ! -e $seed/recipe ]; then
  mkdir -p $seed
  mount -o ro "$(blkid -L cidata || blkid -L CIDATA)" $seed
fi
${recipeRun(seed)}[ -n "$SILVERSMITH_CHROOT" ] || poweroff
`;

/**
 * Runs the recipe from the seed that is mounted at $seed, clears the identity of the build from the
 * disk, and reports the exit status; all of it is printed to $out.
 */
export const recipeRun = ({ token, boot, recipe, environment }: BuildSeed) => `
${recipeFunctions('$seed/recipe', '$seed/files', { boot, environment })}
before=$(oom_kills)
run_recipe >$out 2>&1
code=$?
after=$(oom_kills)
if [ $code = ${recipe.rebootStatus ?? 'none'} ]; then
  : # It goes on after a reboot, so the folder and the identity stay.
elif forget_recipe; [ -n "$SILVERSMITH_CHROOT" ] || [ ! -d /run/systemd/system ]; then
  sh $seed/clear >/dev/null 2>&1
else
  # Services write what they keep when they stop (a random seed, cloud-init's state), so the layer is cleared after all of them.
  cp $seed/clear /run/silversmith/clear
  cp $seed/clear.service /run/systemd/system/silversmith-clear.service
  systemctl daemon-reload && systemctl start silversmith-clear.service
fi
sync
printf '\\n\\036silversmith-exit ${token} %s %s\\n' $code $((\${after:-0} - \${before:-0})) >>$out
`;

/**
 * Gives a fresh disk its identity, and reports it on every boot. A cloud image runs it as a script
 * of cloud-init, the demo base by its own unit.
 */
const machineUserData = ({ identity, grows, template }: MachineSeed) => `#!/bin/sh
(
${renewScript(identity, 'all', { grows, template })}) || exit 1
if [ -d /var/lib/cloud/scripts/per-boot ]; then
  say=/var/lib/cloud/scripts/per-boot/silversmith-ready
  printf '#!/bin/sh\\necho "silversmith-ready $(cat /var/lib/silversmith/identity)" >/dev/ttyS1\\n' >$say
  chmod 0755 $say
  $say
fi
`;

/**
 * cloud-init reads this before it makes host keys. It runs on each boot, and does nothing once the
 * disk has its identity.
 */
const machineVendorData = ({ identity, template }: MachineSeed) =>
  `#cloud-config\n${JSON.stringify({
    ssh_deletekeys: true,
    preserve_hostname: false,
    bootcmd: [['/bin/sh', '-c', renewScript(identity, 'early', { template })]],
  })}\n`;

interface MachineSeed {
  identity: Identity;
  /** Whether its disk is larger than the layer below. */
  grows: boolean;
  /** Whether the machine becomes a template. */
  template?: boolean;
  /** Where programs are looked for. */
  path: string;
}

/** Writes the seed of a machine to `folder/seed.iso`. */
export async function writeMachineSeed(folder: string, seed: MachineSeed): Promise<void> {
  const { identity, path } = seed;
  const metaData = `instance-id: ${identity.instance}\nlocal-hostname: ${identity.hostName}\n`;
  await writeSeed(folder, path, metaData, machineUserData(seed), (source) =>
    writeFile(join(source, 'vendor-data'), machineVendorData(seed)),
  );
}

export interface BuildSeed {
  instance: string;
  recipe: Recipe;
  /** Gives the path of a recipe's file by its digest. */
  fileOf: (sha256: string) => string;
  token: string;
  /** Counts the starts of the build machine, from 1. */
  boot: number;
  /** Variables for the recipe alone; they do not stay on the disk. */
  environment: Record<string, string>;
  /** Where programs are looked for. */
  path: string;
  /** The label of the disk; default: that of a seed that systems read. */
  label?: string;
}

/** Writes the seed of a build to `folder/seed.iso`. */
export async function writeBuildSeed(folder: string, seed: BuildSeed): Promise<void> {
  const { instance, recipe, fileOf, boot, path } = seed;
  await writeSeed(
    folder,
    path,
    // cloud-init runs user-data once for each instance.
    `instance-id: build-${instance}-${boot}\nlocal-hostname: build\n`,
    buildUserData(seed),
    async (source) => {
      await writeFile(join(source, 'recipe'), recipe.script, { mode: 0o755 });
      await writeFile(join(source, 'clear'), clearScript);
      await writeFile(join(source, 'clear.service'), clearUnit);
      await mkdir(join(source, 'files'));
      for (const file of recipe.files) {
        const [from, to] = [fileOf(file.sha256), join(source, 'files', file.name)];
        // A link to another file system is not possible, so copy the file.
        await link(from, to).catch(() => copyFile(from, to));
      }
    },
    seed.label,
  );
}

async function writeSeed(
  folder: string,
  path: string,
  metaData: string,
  userData: string,
  more: (source: string) => Promise<void>,
  label = 'cidata',
): Promise<void> {
  const source = join(folder, 'seed');
  await mkdir(source);
  await writeFile(join(source, 'meta-data'), metaData);
  await writeFile(join(source, 'user-data'), userData, { mode: 0o755 });
  await more(source);
  const iso = join(folder, 'seed.iso');
  await runCommand(
    'xorrisofs',
    [
      ...['-quiet', '-V', label, '-J', '-joliet-long', '-r', '-iso-level', '3'],
      // A recipe may run each of its files.
      ...['-file-mode', '0555', '-o', iso, source],
    ],
    { env: { PATH: path }, timeoutMs: toolMs },
  );
  await rm(source, { recursive: true });
  await truncate(iso, Math.max((await stat(iso)).size, seedBytesMin));
  // The guest's user must be able to read it, whatever the umask is.
  await chmod(iso, 0o444);
}

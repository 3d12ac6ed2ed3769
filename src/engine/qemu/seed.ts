// The seed: a small disk labelled `cidata` (NoCloud), which cloud-init, cloudbase-init and the demo base read. A machine's tells it
// its name; a build's carries the recipe, its files, and the script that runs it.

import { chmod, copyFile, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recipe } from '../../domain/software.ts';
import { runCommand } from '../../lib/spawn.ts';

const toolMs = 60_000;

/**
 * Starts the line on which a build reports its exit status. The token is drawn for this one build and given to the script that runs the
 * recipe: nothing that a recipe prints is taken for it. (A recipe is root in its guest and may look for the token there; it is the
 * operator's own.)
 */
export const exitMark = (token: string) => `\x1esilversmith-exit ${token} `;

const buildUserData = (token: string) => `#!/bin/sh
# Runs the recipe of a build and reports on the second serial port.
out=/dev/ttyS1
stty -F $out raw -echo 2>/dev/null
seed=/run/silversmith/seed
if [ ! -e $seed/recipe ]; then
  mkdir -p $seed
  mount -o ro "$(blkid -L cidata || blkid -L CIDATA)" $seed
fi
export DEBIAN_FRONTEND=noninteractive
cd $seed/files || exit 1
case "$(head -c 2 $seed/recipe)" in
'#!') $seed/recipe ;;
*) sh $seed/recipe ;;
esac </dev/null >$out 2>&1
code=$?
sync
printf '\\n\\036silversmith-exit ${token} %s\\n' $code >$out
[ -n "$SILVERSMITH_CHROOT" ] || poweroff
`;

/**
 * Runs once on every new disk. A disk made from a capture of another machine gets an identity of its own; and a cloud image is told to say
 * on every boot that the machine is ready, which the demo base does by itself.
 */
const machineUserData = (instance: string) => `#!/bin/sh
mark=/var/lib/silversmith/identity
mkdir -p /var/lib/silversmith
if [ -e $mark ] && [ "$(cat $mark)" != ${instance} ]; then
  [ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
  : >/etc/machine-id
  systemd-machine-id-setup >/dev/null 2>&1
  rm -f /var/lib/systemd/random-seed
  if ls /etc/ssh/ssh_host_* >/dev/null 2>&1; then
    rm -f /etc/ssh/ssh_host_*
    ssh-keygen -q -A
    systemctl try-restart ssh >/dev/null 2>&1
  fi
fi
echo ${instance} >$mark
if [ -d /var/lib/cloud/scripts/per-boot ]; then
  printf '#!/bin/sh\\necho silversmith-ready >/dev/ttyS1\\n' >/var/lib/cloud/scripts/per-boot/silversmith-ready
  chmod 0755 /var/lib/cloud/scripts/per-boot/silversmith-ready
  echo silversmith-ready >/dev/ttyS1
fi
`;

/** Writes the seed of a machine to `folder/seed.iso`; `path` is where programs are looked for. The instance is the disk: a new disk is a new instance. */
export async function writeMachineSeed(
  folder: string,
  instance: string,
  hostName: string,
  path: string,
): Promise<void> {
  await writeSeed(
    folder,
    path,
    `instance-id: ${instance}\nlocal-hostname: ${hostName}\n`,
    machineUserData(instance),
    async () => {},
  );
}

/** Writes the seed of a build; `fileOf` gives the path of a recipe's file by its digest. */
export async function writeBuildSeed(
  folder: string,
  instance: string,
  recipe: Recipe,
  fileOf: (sha256: string) => string,
  token: string,
  path: string,
): Promise<void> {
  await writeSeed(
    folder,
    path,
    `instance-id: build-${instance}\nlocal-hostname: build\n`,
    buildUserData(token),
    async (source) => {
      await writeFile(join(source, 'recipe'), recipe.script, { mode: 0o755 });
      await mkdir(join(source, 'files'));
      for (const file of recipe.files) {
        const [from, to] = [fileOf(file.sha256), join(source, 'files', file.name)];
        // Another file system takes a copy.
        await link(from, to).catch(() => copyFile(from, to));
      }
    },
  );
}

async function writeSeed(
  folder: string,
  path: string,
  metaData: string,
  userData: string,
  more: (source: string) => Promise<void>,
): Promise<void> {
  const source = join(folder, 'seed');
  await mkdir(source);
  await writeFile(join(source, 'meta-data'), metaData);
  await writeFile(join(source, 'user-data'), userData, { mode: 0o755 });
  await more(source);
  const iso = join(folder, 'seed.iso');
  await runCommand(
    'xorrisofs',
    ['-quiet', '-V', 'cidata', '-J', '-joliet-long', '-r', '-iso-level', '3', '-o', iso, source],
    { env: { PATH: path }, timeoutMs: toolMs },
  );
  await rm(source, { recursive: true });
  // The guest's user reads it, whatever the umask says.
  await chmod(iso, 0o444);
}

/** A host name made from a machine's name: letters, digits and hyphens, never empty. */
export function hostNameOf(name: string, id: number): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 50);
  return plain === '' ? `machine-${id}` : plain;
}

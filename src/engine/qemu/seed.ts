// Writes seeds: small disks labelled `cidata` (NoCloud), which cloud-init, cloudbase-init and the
// demo base read. The seed of a machine gives it its identity. The seed of a build has the recipe,
// its files, and the script that runs it.

import { chmod, copyFile, link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recipe } from '../../domain/software.ts';
import { runCommand } from '../../lib/spawn.ts';
import { clearScript, clearUnit, renewScript } from '../guest-script.ts';
import type { Identity } from '../identity.ts';

const toolMs = 60_000;

/**
 * Starts the line on which a build reports its exit status. The token is drawn for this one build
 * and given to the script that runs the recipe: nothing that a recipe prints is taken for it. (A
 * recipe is root in its guest and may look for the token there; it is the operator's own.)
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
# The layer below has no certificate of its own; what is installed may look for one.
if command -v make-ssl-cert >/dev/null && [ ! -e /etc/ssl/certs/ssl-cert-snakeoil.pem ]; then
  make-ssl-cert generate-default-snakeoil --force-overwrite 2>/dev/null
fi
cd $seed/files || exit 1
case "$(head -c 2 $seed/recipe)" in
'#!') $seed/recipe ;;
*) sh $seed/recipe ;;
esac </dev/null >$out 2>&1
code=$?
if [ -n "$SILVERSMITH_CHROOT" ] || [ ! -d /run/systemd/system ]; then
  sh $seed/clear >/dev/null 2>&1
else
  # Services write what they keep when they stop (a random seed, cloud-init's state), so the layer is cleared after all of them.
  cp $seed/clear /run/silversmith/clear
  cp $seed/clear.service /run/systemd/system/silversmith-clear.service
  systemctl daemon-reload && systemctl start silversmith-clear.service
fi
sync
printf '\\n\\036silversmith-exit ${token} %s\\n' $code >$out
[ -n "$SILVERSMITH_CHROOT" ] || poweroff
`;

/**
 * Gives a fresh disk its identity, and reports it on every boot. A cloud image runs it as a script
 * of cloud-init, the demo base by its own unit.
 */
const machineUserData = (identity: Identity) => `#!/bin/sh
(
${renewScript(identity, 'all')}) || exit 1
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
const machineVendorData = (identity: Identity) =>
  `#cloud-config\n${JSON.stringify({
    ssh_deletekeys: true,
    preserve_hostname: false,
    bootcmd: [['/bin/sh', '-c', renewScript(identity, 'early')]],
  })}\n`;

/** Writes the seed of a machine to `folder/seed.iso`; `path` is where programs are looked for. */
export async function writeMachineSeed(
  folder: string,
  identity: Identity,
  path: string,
): Promise<void> {
  const metaData = `instance-id: ${identity.instance}\nlocal-hostname: ${identity.hostName}\n`;
  await writeSeed(folder, path, metaData, machineUserData(identity), (source) =>
    writeFile(join(source, 'vendor-data'), machineVendorData(identity)),
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
      await writeFile(join(source, 'clear'), clearScript);
      await writeFile(join(source, 'clear.service'), clearUnit);
      await mkdir(join(source, 'files'));
      for (const file of recipe.files) {
        const [from, to] = [fileOf(file.sha256), join(source, 'files', file.name)];
        // A link to another file system is not possible, so copy the file.
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
  // The guest's user must be able to read it, whatever the umask is.
  await chmod(iso, 0o444);
}

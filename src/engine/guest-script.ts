// Scripts that run inside guests, whatever the engine hands them over with: one runs a recipe, one
// gives a fresh disk its identity, others clear the identity from a disk that becomes a layer.

import { clearIdentity, clearingFunctions, renewIdentity } from '../domain/identity.ts';
import { growRoot } from './growth-script.ts';
import type { Identity } from './identity.ts';

/** Where a recipe works. It is on the disk, because installers unpack gigabytes. */
export const workFolder = '/var/tmp/silversmith-build';

interface RecipeRun {
  /** Counts the starts of the build machine, from 1. */
  boot: number;
  /** Variables for the recipe alone. */
  environment?: Readonly<Record<string, string>>;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * Defines `run_recipe`, which runs a recipe in a folder that it can write to and that has a link to
 * each of its files, and ends with the recipe's exit status; `forget_recipe`, which removes that
 * folder; and `oom_kills`, which prints how many processes the kernel has ended because the memory
 * was full. A recipe that asks for a reboot finds the folder as it left it, and the number of the
 * start in SILVERSMITH_BOOT.
 */
export const recipeFunctions = (
  recipe: string,
  files: string,
  { boot, environment = {} }: RecipeRun,
): string => `
oom_kills() {
  # A container has no count of its own but that of its control group.
  if [ -r /sys/fs/cgroup/memory.events ]; then
    sed -n 's/^oom_kill //p' /sys/fs/cgroup/memory.events
  else
    sed -n 's/^oom_kill //p' /proc/vmstat
  fi
}
forget_recipe() { cd / && rm -rf ${workFolder}; }
run_recipe() (
  export DEBIAN_FRONTEND=noninteractive SILVERSMITH_BOOT=${boot}
${Object.entries(environment)
  .map(([name, value]) => `  export ${name}=${quoted(value)}\n`)
  .join('')}  # The layer below has no certificate of its own; what is installed may look for one.
  if command -v make-ssl-cert >/dev/null && [ ! -e /etc/ssl/certs/ssl-cert-snakeoil.pem ]; then
    make-ssl-cert generate-default-snakeoil --force-overwrite 2>/dev/null
  fi
  [ ${boot} -gt 1 ] || forget_recipe
  mkdir -p ${workFolder} && cd ${workFolder} || exit 1
  for file in ${files}/*; do [ ! -e "$file" ] || ln -sf "$file" .; done
  first=
  read -r first <${recipe}
  case $first in
  '#!'*)
    set -f
    set -- \${first#??}
    set +f
    program=$1
    if [ "\${program##*/}" = env ]; then
      shift
      while [ "\${1#-}" != "$1" ] || [ "\${1#*=}" != "$1" ]; do shift; done
      program=$1
    fi
    if ! command -v "$program" >/dev/null; then
      echo "The script begins with $first, and this base has no $program. Install it with a title"
      echo "that comes before, or write the script for /bin/sh."
      exit 127
    fi
    exec ${recipe} </dev/null
    ;;
  *) exec sh ${recipe} </dev/null ;;
  esac
)
`;

export const clearScript = `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
command -v journalctl >/dev/null && journalctl --relinquish-var 2>/dev/null
${clearingFunctions}
${clearIdentity}
sync
`;

/**
 * Started last in the life of a build machine, and ordered before everything, so that it is the
 * last to stop.
 */
export const clearUnit = `[Unit]
Description=Clear the identity of the build machine from its disk
DefaultDependencies=no
RequiresMountsFor=/etc /var
After=local-fs.target
Before=sysinit.target systemd-random-seed.service systemd-update-utmp.service cloud-init-local.service cloud-init.service
Before=shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh /run/silversmith/clear
TimeoutStopSec=50
`;

/**
 * The script that gives a disk its identity, including its arguments. Its own comments say when it
 * runs. A shell can read it from its standard input. `grows`: the disk is larger than the layer
 * that it was made on, so its root is grown too. `template`: the machine becomes one.
 */
export const renewScript = (
  { instance, machineId, hostName }: Identity,
  mode: 'early' | 'all' | 'agent',
  { grows = false, template = false } = {},
) =>
  `set -- ${instance} ${machineId} ${hostName} ${mode}\n{\n${renewIdentity(grows ? growRoot : '', { template })}} </dev/null\n`;

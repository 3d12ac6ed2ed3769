// Scripts that the guest agent runs for instant starts: one makes a machine ready to become a
// template, the others make a clone of it a machine of its own. A clone is one boot with all others
// of its template, so everything that was drawn or read at that boot is equal in all of them until
// these scripts renew it. Under emulation the start of a program takes as long as all the rest, so a
// clone starts few, and the template does beforehand what it can.

import { clearCopies, clearingFunctions, takeIdentity } from '../../domain/identity.ts';
import type { Hardware, Identity } from '../identity.ts';

const path = 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n';
/** Here the template leaves to its clones what takes long to find out. */
const notes = '/run/silversmith/template';

/** By which the scripts say why a guest cannot be used; see `faultOf`. */
const [cannotReseed, isBusy, hookFailed] = [71, 72, 73];
const jobsTriesMax = 120;
const hookSeconds = 30;
const saidCharsMax = 300;

/**
 * Texts that the kernel shows as they were at the boot, and their files in a clone. The template
 * lays the files over them, as systemd-nspawn does for containers.
 */
const hidden = [
  { shown: '/proc/sys/kernel/random/boot_id', file: `${notes}/boot-id`, mode: '0444' },
  { shown: '/sys/class/dmi/id/product_uuid', file: `${notes}/product-uuid`, mode: '0400' },
] as const;

/**
 * Programs that set the clock and let the kernel draw new random numbers from their input, by its
 * calls clock_settime and RNDRESEEDCRNG (Linux 4.14). Without them, the kernel's driver of vmgenid
 * draws new ones; few kernels have it.
 */
const renewers = [
  {
    test: 'command -v perl',
    run: (seconds: number) => `perl -e '
open F, "+>", "/dev/urandom" or die;
syswrite F, <STDIN>;
my $none = 0;
ioctl F, 0x5207, $none or die;
my $now = ${seconds};
my $time = pack "qq", int $now, 1e9 * ($now - int $now);
syscall 227, 0, $time'`,
  },
  {
    test: 'command -v python3',
    run: (seconds: number) => `python3 -c '
import fcntl, sys, time
f = open("/dev/urandom", "wb", 0)
f.write(sys.stdin.buffer.read())
fcntl.ioctl(f, 0x5207)
time.clock_settime(0, ${seconds})'`,
  },
  {
    test: '[ -e /sys/bus/acpi/drivers/vmgenid ]',
    run: (seconds: number) => `{ cat >/dev/urandom; date -u -s @${seconds} >/dev/null; }`,
  },
] as const;

/**
 * Waits until nothing starts any more, takes the identity of the throw-away machine off its disk,
 * and writes the disk back. What reads the seed lets go of it, because clones have another one.
 */
export const settleScript = `${path}
tries=${jobsTriesMax}
while command -v systemctl >/dev/null && [ -n "$(systemctl list-jobs --no-legend 2>/dev/null)" ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || exit ${isBusy}
  sleep 0.5
done
${renewers.map(({ test }) => `${test} >/dev/null 2>&1`).join(' || ')} || exit ${cannotReseed}
for seed in $(blkid -t LABEL=cidata -o device) $(blkid -t LABEL=CIDATA -o device); do
  umount -A "$seed" 2>/dev/null
  blockdev --flushbufs "$seed"
done
${clearingFunctions}
${clearCopies}
umount /etc/machine-id 2>/dev/null
mkdir -p ${notes} && chmod 0711 ${notes}
for unit in systemd-networkd NetworkManager networking; do
  systemctl -q is-active $unit 2>/dev/null && echo $unit
done >${notes}/units
systemctl show -P MainPID systemd-journald 2>/dev/null >${notes}/journald
${hidden
  .map(
    ({ shown, file, mode }) => `if [ -e ${shown} ]; then
  cat ${shown} >${file} && chmod ${mode} ${file} && mount --bind ${file} ${shown} || exit 1
fi
`,
  )
  .join('')}
fstrim -a 2>/dev/null
sync
`;

interface CloneOrder {
  identity: Identity;
  hardware: Hardware;
  /** Hexadecimal digits, drawn for this clone alone. */
  random: string;
  /** Whether its disk is larger than the template's. */
  grows: boolean;
  /** Whether it gets a card after this script; else the script runs the hooks. */
  network: boolean;
  /** Since 1970, with fractions. */
  seconds: number;
}

/** Makes everything new that would be equal in two clones. */
export const cloneScript = (order: CloneOrder): string => {
  const { identity, hardware, random, grows, network, seconds } = order;
  return `${path}
${renewers
  .map(({ test, run }) => `if ${test} >/dev/null 2>&1; then echo ${random} | ${run(seconds)}\nel`)
  .join('')}se false; fi || exit ${cannotReseed}
read -r id </proc/sys/kernel/random/uuid && echo "$id" >${notes}/boot-id
echo ${hardware.uuid} >${notes}/product-uuid
cloud=/var/lib/cloud
if [ -d $cloud/instances ] && read -r old <$cloud/data/instance-id; then
  [ ! -d "$cloud/instances/$old" ] || mv "$cloud/instances/$old" $cloud/instances/${identity.instance}
  ln -sfn $cloud/instances/${identity.instance} $cloud/instance
  echo ${identity.instance} >$cloud/data/instance-id
  sed -i "s/$old/${identity.instance}/g" /run/cloud-init/instance-data*.json 2>/dev/null
fi
set -- ${identity.instance} ${identity.machineId} ${identity.hostName}
(
${takeIdentity}) </dev/null || exit 1
${grows ? growth : ''}
read -r journald 2>/dev/null <${notes}/journald && kill -9 "$journald" 2>/dev/null
${network ? '' : hooks}
exit 0
`;
};

/** As far as the guest has the programs; a later boot does it otherwise, as after every change. */
const growth = `(
  source=$(findmnt -no SOURCE /) name=\${source#/dev/}
  if [ -e "/sys/class/block/$name/partition" ]; then
    read -r number <"/sys/class/block/$name/partition"
    above=$(readlink -f "/sys/class/block/$name/..")
    growpart "/dev/\${above##*/}" "$number" ||
      { echo ', +' | sfdisk -q --no-reread -N "$number" "/dev/\${above##*/}" && partx -u "$source"; }
  fi
  [ -x /lib/systemd/systemd-growfs ] && /lib/systemd/systemd-growfs / && exit
  resize2fs "$source" || xfs_growfs / || btrfs filesystem resize max /
) >/dev/null 2>&1 </dev/null
`;

/** Runs what the image wants to run in each clone before it is ready, in the order of the names. */
const hooks = `for hook in /etc/silversmith/clone.d/*; do
  [ -f "$hook" ] && [ -x "$hook" ] || continue
  timeout ${hookSeconds} "$hook" >/run/silversmith/hook.log 2>&1 </dev/null && continue
  status=$?
  echo "\${hook##*/}" $status
  tail -c ${saidCharsMax} /run/silversmith/hook.log
  exit ${hookFailed}
done
`;

/**
 * Runs when the card was plugged in. The services of the network have read the template's machine
 * id and made of it what tells this machine from others there, so they start anew. A guest without
 * an address after all tries goes on, as after a boot.
 */
export const cardScript = (tries: number): string => `${path}
units=
[ ! -e ${notes}/units ] || while read -r unit; do units="$units $unit"; done <${notes}/units
[ -z "$units" ] || systemctl restart $units
tries=${tries}
while [ -z "$(ip -o addr show scope global up)" ] && [ $tries -gt 0 ]; do
  tries=$((tries - 1))
  sleep 0.2
done
${hooks}
exit 0
`;

interface Ended {
  exitCode: number;
  stdout: string;
}

/** Why a script that ended so leaves the guest unusable, as the end of a sentence. */
export function faultOf({ exitCode, stdout }: Ended): string | null {
  if (exitCode === 0) return null;
  if (exitCode === cannotReseed)
    return 'its guest cannot draw new random numbers (it has none of perl, python3 and a kernel that knows vmgenid), so machines would share them';
  if (exitCode === isBusy)
    return 'its guest was still starting something a minute after it was ready';
  if (exitCode === hookFailed) return hookFault(stdout);
  return `its guest could not be given an identity of its own (exit status ${exitCode})`;
}

function hookFault(stdout: string): string {
  const [name = '', status = '', ...said] = stdout.trim().split(/\s+/);
  const why = status === '124' ? `did not end within ${hookSeconds} s` : `failed (${status})`;
  const shown = [...said.join(' ')].filter((one) => one >= ' ').join('');
  const last = shown === '' ? '' : `: ${shown.slice(0, saidCharsMax)}`;
  return `the hook ${name.slice(0, 100)} of its image ${why}${last}`;
}

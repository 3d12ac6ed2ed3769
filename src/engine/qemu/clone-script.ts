// Scripts for instant starts: one makes a machine ready to become a template, the other waits in it
// and makes each clone of it a machine of its own. A clone is one boot with all others of its
// template, so everything that was drawn or read at that boot is equal in all of them until it is
// renewed. Under emulation the start of a program takes longer than all the rest, so the template
// starts beforehand what its clones need.

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
 * Programs that pass on the lines of their input without the first two words. With each line they
 * set the clock to the first word and let the kernel draw new random numbers from the second, by
 * its calls clock_settime and RNDRESEEDCRNG (Linux 4.14). A line that begins with `-` is only
 * passed on. The last one needs the kernel's driver of vmgenid, which draws new numbers by itself;
 * few kernels have it.
 */
const renewers = [
  {
    test: 'command -v perl',
    run: `exec perl -e '
$| = 1;
open F, "+>", "/dev/urandom" or die;
while (<STDIN>) {
  my ($now, $random, $rest) = split / /, $_, 3;
  if ($now ne "-") {
    syswrite F, $random or die;
    my $none = 0;
    ioctl F, 0x5207, $none or die;
    my $time = pack "qq", int $now, 1e9 * ($now - int $now);
    syscall 227, 0, $time;
  }
  print $rest;
}'`,
  },
  {
    test: 'command -v python3',
    run: `exec python3 -uc '
import fcntl, sys, time
f = open("/dev/urandom", "wb", 0)
for line in iter(sys.stdin.readline, ""):
    now, random, rest = line.split(" ", 2)
    if now != "-":
        f.write(random.encode())
        fcntl.ioctl(f, 0x5207)
        time.clock_settime(0, float(now))
    print(rest, end="")'`,
  },
  {
    test: '[ -e /sys/bus/acpi/drivers/vmgenid ]',
    run: `while read -r now random rest; do
  [ "$now" = - ] || { echo "$random" >/dev/urandom && date -u -s "@$now" >/dev/null; } || exit 1
  echo "$rest"
done`,
  },
] as const;

/** Of the channel by which a clone gets its orders; another protocol needs another name. */
export const orderPort = 'org.silversmith.clone.0';
/** What the guest says when it has done what it was told, before the status. */
export const ended = 'silversmith-ended';

/** Lays the clone's own texts over what the kernel shows, and gives cloud-init its new instance. */
const own = `own() {
  instance=$1 id=$2 name=$3 uuid=$4
  mark=/var/lib/silversmith/identity
  read -r boot </proc/sys/kernel/random/uuid && echo "$boot" >${notes}/boot-id
  echo "$uuid" >${notes}/product-uuid
  cloud=/var/lib/cloud
  if [ -d $cloud/instances ] && read -r old <$cloud/data/instance-id; then
    [ ! -d "$cloud/instances/$old" ] || mv "$cloud/instances/$old" "$cloud/instances/$instance"
    ln -sfn "$cloud/instances/$instance" $cloud/instance
    echo "$instance" >$cloud/data/instance-id
    sed -i "s/$old/$instance/g" /run/cloud-init/instance-data*.json
  fi
${takeIdentity}
  read -r journald <${notes}/journald && kill -9 "$journald"
  return 0
}
`;

/**
 * Runs when the card was plugged in. The services of the network have read the template's machine
 * id and made of it what tells this machine from others there, so they start anew. A guest without
 * an address after all tries goes on, as after a boot.
 */
const address = `address() {
  tries=$1 units=
  [ ! -e ${notes}/units ] || while read -r unit; do units="$units $unit"; done <${notes}/units
  [ -z "$units" ] || systemctl restart $units
  while [ -z "$(ip -o addr show scope global up)" ] && [ $tries -gt 0 ]; do
    tries=$((tries - 1))
    sleep 0.2
  done
}
`;

/** Runs what the image wants to run in each clone before it is ready, in the order of the names. */
const hooks = `hooks() {
  for hook in /etc/silversmith/clone.d/*; do
    [ -f "$hook" ] && [ -x "$hook" ] || continue
    timeout ${hookSeconds} "$hook" >/run/silversmith/hook.log 2>&1 </dev/null && continue
    status=$?
    echo "\${hook##*/}" $status
    tail -c ${saidCharsMax} /run/silversmith/hook.log
    echo
    return ${hookFailed}
  done
}
`;

/**
 * Waits in the template, and therefore in each clone, for orders on the port. Everything that a
 * clone needs was read and started by then.
 */
export const waitScript = `${path}
${own}${address}${hooks}
renew() {
${renewers.map(({ test, run }) => `if ${test} >/dev/null; then\n${run}\nel`).join('')}se exit 1; fi
}
renew | {
  # Also tells of an order that ended this shell.
  trap 'echo "${ended} $?"' EXIT
  while read -r order rest; do
    set -- $rest
    case $order in
    try) ;;
    own | address) "$order" "$@" >/dev/null </dev/null ;;
    hooks) hooks </dev/null ;;
    *) break ;;
    esac
    echo "${ended} $?"
  done
  trap - EXIT
}
`;

/**
 * Waits until nothing starts any more, takes the identity of the throw-away machine off its disk,
 * and writes the disk back. What reads the seed lets go of it, because clones have another one.
 * Then it leaves a process that waits for orders.
 */
export const settleScript = `${path}
tries=${jobsTriesMax}
while command -v systemctl >/dev/null && [ -n "$(systemctl list-jobs --no-legend 2>/dev/null)" ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || exit ${isBusy}
  sleep 0.5
done
${renewers.map(({ test }) => `${test} >/dev/null 2>&1`).join(' || ')} || exit ${cannotReseed}
labels=/dev/disk/by-label
[ -d $labels ] && seeds="$labels/cidata $labels/CIDATA" ||
  seeds="$(blkid -t LABEL=cidata -o device) $(blkid -t LABEL=CIDATA -o device)"
for seed in $seeds; do
  [ -e "$seed" ] || continue
  umount -A "$seed" 2>/dev/null
  blockdev --flushbufs "$seed"
done
${clearingFunctions}
${clearCopies}
umount /etc/machine-id 2>/dev/null
mkdir -p ${notes} && chmod 0711 ${notes}
set -- systemd-networkd NetworkManager networking
systemctl is-active "$@" 2>/dev/null | while read -r state; do
  [ "$state" != active ] || echo "$1"
  shift
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
port=
for found in /sys/class/virtio-ports/*; do
  read -r name <"$found/name"
  [ "$name" != ${orderPort} ] || port=/dev/\${found##*/}
done 2>/dev/null
[ -n "$port" ] && exec 3<>"$port" || exit 1
cat >${notes}/wait <<'END'
${waitScript}END
/bin/sh ${notes}/wait <&3 >&3 2>/dev/null 3>&- &
exec 3>&-
fstrim -a 2>/dev/null
sync
`;

interface CloneOrder {
  identity: Identity;
  hardware: Hardware;
  /** Hexadecimal digits, drawn for this clone alone. */
  random: string;
  /** Since 1970, with fractions. */
  seconds: number;
}

/** The order that makes everything new that would be equal in two clones. */
export const ownOrder = ({ identity, hardware, random, seconds }: CloneOrder): string => {
  const { instance, machineId, hostName } = identity;
  return `${seconds} ${random} own ${instance} ${machineId} ${hostName} ${hardware.uuid}`;
};

export interface Ended {
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

// Scripts for instant starts: one makes a machine ready to become a template, the other waits in it
// and makes each clone of it a machine of its own. A clone is one boot with all others of its
// template, so everything that was drawn or read at that boot is equal in all of them until it is
// renewed. Under emulation the start of a program takes longer than all the rest, so the template
// starts beforehand what its clones need.

import { clearCopies, clearingFunctions, takeIdentity } from '../../domain/identity.ts';
import type { Hardware, Identity } from '../identity.ts';
import {
  cannotReseed,
  hasNone,
  hookFailed,
  hookSeconds,
  isBusy,
  saidCharsMax,
} from './clone-answer.ts';

const path = 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n';
/** Here are the files of the template that its clones write anew. */
const notes = '/run/silversmith';

const jobsTriesMax = 120;
/** A boot may take so long after the machine was ready. */
const startedSeconds = 60;

/**
 * Texts that the kernel shows as they were at the boot, and their files in a clone. The template
 * lays the files over them, as systemd-nspawn does for containers.
 */
const hidden = [
  { shown: '/proc/sys/kernel/random/boot_id', file: `${notes}/boot-id`, mask: '0222' },
  { shown: '/sys/class/dmi/id/product_uuid', file: `${notes}/product-uuid`, mask: '0377' },
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
export const orderPort = 'org.silversmith.clone.1';
/** The guest begins the line with it that ends an order; the status follows. */
export const ended = 'silversmith-ended';
/** The line that tells that the process in the template waits for orders. */
export const listens = 'silversmith-listens';

/**
 * Gives the clone its identity. Its arguments are those of `takeIdentity`, and the UUID of the
 * product.
 */
const own = `own() {
  read -r boot </proc/sys/kernel/random/uuid && echo "$boot" 1<>${notes}/boot-id
  echo "$4" 1<>${notes}/product-uuid
${takeIdentity}
  cloud=/var/lib/cloud
  if [ -d $cloud/instances ] && read -r old <$cloud/data/instance-id; then
    [ ! -d "$cloud/instances/$old" ] || mv "$cloud/instances/$old" "$cloud/instances/$instance"
    ln -sfn "$cloud/instances/$instance" $cloud/instance
    echo "$instance" >$cloud/data/instance-id
    sed -i "s/$old/$instance/g" /run/cloud-init/instance-data*.json
  fi
  return 0
}
`;

/**
 * Runs when the card was plugged in. The services of the network may have read the template's
 * machine id, and make of it what tells this machine from others there, so they start anew. To kill
 * one that systemd starts again takes far less than to ask systemd for it.
 */
const network = `network() {
  [ -z "$killed" ] || kill -9 $killed
  [ -z "$restarted" ] || systemctl restart $restarted
  return 0
}
`;

/** Whether there is a route beyond the machine itself, or a global address of IPv6. */
const address = `address() {
  while read -r card _; do
    [ "$card" = Iface ] || [ "$card" = lo ] || return 0
  done </proc/net/route
  while read -r _ _ _ scope _; do
    [ "$scope" != 00 ] || return 0
  done </proc/net/if_inet6
  return ${hasNone}
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
 * Lets this shell run before all ordinary processes of the guest; what it starts is ordinary again.
 * systemd and others wake up when the clock is set, and without KVM they would take a clone longer
 * than its orders do. Without `chrt` it takes its turn.
 */
const atOnce = `at_once() {
  read -r self _ </proc/self/stat
  chrt --reset-on-fork --fifo --pid 1 $self >/dev/null 2>&1
  return 0
}
`;

/**
 * Waits in the template, and therefore in each clone, for orders on the port. Everything that a
 * clone needs was read and started by then. The journal is stopped by the first order, in the
 * template, and what is said to it waits. It starts anew, with the id of the clone, when the
 * channel is closed: the host does that when it has time, because it takes a guest longer than all
 * of its orders. The identity is written to the disk then.
 */
const waiter = `${own}${network}${address}${hooks}${atOnce}renew() {
  at_once
${renewers.map(({ test, run }) => `if ${test} >/dev/null; then\n${run}\nel`).join('')}se exit 1; fi
}
wait_for_orders() {
  renew | {
    at_once
    # Also tells of an order that ended this shell.
    trap 'echo "${ended} $?"' EXIT
    echo ${listens}
    while read -r order rest; do
      set -- $rest
      case $order in
      quiet) [ -z "$journald" ] || kill -STOP $journald ;;
      own | network | address) "$order" "$@" >/dev/null </dev/null ;;
      hooks) hooks </dev/null ;;
      *) break ;;
      esac
      echo "${ended} $?"
    done
    trap - EXIT
    [ -z "$journald" ] || kill -9 $journald
    sync
  }
}
`;

/**
 * Waits until nothing starts any more, takes the identity of the throw-away machine off its disk,
 * and writes the disk back. What reads the seed lets go of it, because clones have another one.
 * Then it leaves a process that waits for orders. Few programs are started, because a template is
 * ready for use only when all of them have ended.
 */
export const settleScript = `${path}
await_started() {
  state=$(timeout ${startedSeconds} systemctl is-system-running --wait 2>/dev/null)
  [ $? != 124 ] || exit ${isBusy}
  case $state in running | degraded) return ;; esac
  # Before version 240 it cannot wait.
  tries=${jobsTriesMax}
  while [ -n "$(systemctl list-jobs --no-legend 2>/dev/null)" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || exit ${isBusy}
    sleep 0.5
  done
}
! command -v systemctl >/dev/null || await_started
${renewers.map(({ test }) => `${test} >/dev/null 2>&1`).join(' || ')} || exit ${cannotReseed}
umask 022
[ -d ${notes} ] && [ -d /var/lib/silversmith ] || mkdir -p ${notes} /var/lib/silversmith
: >${notes}/fstab
${hidden
  .map(
    ({ shown, file, mask }) => `if [ -e ${shown} ]; then
  read -r was <${shown} && (umask ${mask} && echo "$was" >${file}) || exit 1
  echo "${file} ${shown} none bind" >>${notes}/fstab
fi
`,
  )
  .join('')}mount -a -T ${notes}/fstab || exit 1
command -v modprobe >/dev/null && modprobe -q virtio_net
labels=/dev/disk/by-label
[ -d $labels ] && seeds="$labels/cidata $labels/CIDATA" ||
  seeds=$(blkid -t LABEL=cidata -o device || blkid -t LABEL=CIDATA -o device)
for seed in $seeds; do
  [ -e "$seed" ] || continue
  # The last user to let go of a disk takes its cache along.
  umount -A "$seed" 2>/dev/null || blockdev --flushbufs "$seed"
done
${clearingFunctions}
${clearCopies}
while read -r _ _ _ _ place _; do
  [ "$place" != /etc/machine-id ] || umount /etc/machine-id
done </proc/self/mountinfo
: >/etc/hostname
killed= restarted= journald=
note() {
  if [ "$state" != active ]; then :
  elif [ "$unit" = systemd-journald.service ]; then journald=\${pid#0}
  elif [ "$again" = no ] || [ "$pid" = 0 ]; then restarted="$restarted $unit"
  else killed="$killed $pid"
  fi
}
while IFS='=' read -r key value; do
  case $key in
  Id) unit=$value ;;
  ActiveState) state=$value ;;
  MainPID) pid=$value ;;
  Restart) again=$value ;;
  *) note ;;
  esac
done <<END
$(systemctl show -p Id -p ActiveState -p MainPID -p Restart \\
  systemd-journald systemd-networkd NetworkManager networking 2>/dev/null)

END
port=
for found in /sys/class/virtio-ports/*; do
  read -r name <"$found/name"
  [ "$name" != ${orderPort} ] || port=/dev/\${found##*/}
done 2>/dev/null
[ -n "$port" ] && exec 3<>"$port" || exit 1
${waiter}
(wait_for_orders) <&3 >&3 2>/dev/null 3>&- &
exec 3>&-
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

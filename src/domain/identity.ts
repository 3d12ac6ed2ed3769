// The identity of a machine: the list of files that must be unique to one machine, and the scripts
// for guests that are written from it. A build step and a generalisation clear all of them from a
// layer; a fresh disk clears the copies that it has and makes its own.

interface Trace {
  /** The name in the report of a generalisation. */
  what: string;
  /** Patterns that the shell expands. */
  paths: readonly string[];
  /** A fresh disk keeps these, because they belong to the mechanism that gives it its identity. */
  keptByFresh?: true;
}

const traces: readonly Trace[] = [
  { what: 'SSH host keys', paths: ['/etc/ssh/ssh_host_*', '/etc/dropbear/dropbear_*_host_key'] },
  {
    what: 'random seed',
    paths: [
      '/var/lib/systemd/random-seed',
      '/var/lib/urandom/random-seed',
      '/var/lib/random-seed',
      '/var/lib/seedrng/*',
    ],
  },
  { what: 'key of system credentials', paths: ['/var/lib/systemd/credential.secret'] },
  {
    what: 'DHCP leases and identity',
    paths: [
      ...[
        '/var/lib/dhcp/*',
        '/var/lib/dhclient/*',
        '/var/lib/dhcpcd/*',
        '/var/lib/dhcpcd5/*',
        '/etc/dhcpcd.duid',
      ],
      ...[
        '/var/lib/NetworkManager/*.lease',
        '/var/lib/NetworkManager/secret_key',
        '/var/lib/NetworkManager/timestamps',
      ],
      ...['/var/lib/systemd/network/*', '/var/lib/wicked/*.xml'],
    ],
  },
  {
    what: 'snakeoil certificate',
    paths: ['/etc/ssl/certs/ssl-cert-snakeoil.pem', '/etc/ssl/private/ssl-cert-snakeoil.key'],
  },
  { what: 'identity of storage hosts', paths: ['/etc/nvme/hostnqn', '/etc/nvme/hostid'] },
  {
    what: 'copies of account files',
    paths: ['passwd', 'shadow', 'group', 'gshadow', 'subuid', 'subgid'].map(
      (name) => `/etc/${name}-`,
    ),
  },
  {
    what: 'persistent names of devices',
    paths: ['/etc/udev/rules.d/70-persistent-*.rules', '/etc/udev/rules.d/75-persistent-*.rules'],
  },
  {
    what: 'state of cloud-init',
    paths: [
      ...['instance', 'instances', 'data', 'sem', 'handlers'].map(
        (name) => `/var/lib/cloud/${name}`,
      ),
      '/var/lib/cloud/scripts/per-boot/silversmith-ready',
      ...['/var/log/cloud-init.log*', '/var/log/cloud-init-output.log*'],
      ...['/etc/netplan/50-cloud-init.yaml', '/etc/network/interfaces.d/50-cloud-init*'],
      ...[
        '/etc/systemd/network/10-cloud-init-*',
        '/etc/NetworkManager/system-connections/cloud-init-*',
      ],
    ],
    keptByFresh: true,
  },
  { what: 'identity given by the seed', paths: ['/var/lib/silversmith/*'], keptByFresh: true },
  { what: 'journal', paths: ['/var/log/journal/*'], keptByFresh: true },
];

/**
 * Shell functions that remove files. They overwrite a file where it lies, because a file system
 * leaves the bytes of a removed file on the disk. They print a line `cleared: …` for what they
 * removed.
 */
export const clearingFunctions = `cleared() { echo "cleared: $*"; }
# Overwrites files where they lie; a link has nothing to overwrite.
overwrite() {
  find "$@" -xdev -type f -size +0 -exec shred -n 0 -z -- {} + 2>/dev/null
  return 0
}
gone() {
  what=$1
  shift
  for path in "$@"; do
    shift
    [ ! -e "$path" ] && [ ! -L "$path" ] || set -- "$@" "$path"
  done
  [ $# -gt 0 ] || return 0
  overwrite "$@"
  rm -rf -- "$@" && cleared "$what"
  return 0
}
`;

const removalOf = (what: string, paths: readonly string[]) => `gone "${what}" ${paths.join(' ')}`;

/**
 * Removes every trace of an identity from a disk that becomes a layer. `clearingFunctions` must
 * come before it.
 */
export const clearIdentity = [
  ...traces.map(({ what, paths }) => removalOf(what, paths)),
  `if [ -s /etc/machine-id ]; then
  overwrite /etc/machine-id
  : >/etc/machine-id
  cleared "machine id"
fi
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
if [ -s /etc/hostname ] && [ "$(cat /etc/hostname)" != localhost ]; then
  old=$(cat /etc/hostname)
  echo localhost >/etc/hostname
  sed -i "/^127\\.0\\.1\\.1[[:space:]].*\\b$old\\b/d" /etc/hosts 2>/dev/null
  cleared "host name"
fi
[ ! -e /etc/iscsi/initiatorname.iscsi ] || echo GenerateName=yes >/etc/iscsi/initiatorname.iscsi
`,
].join('\n');

/** Removes what a fresh disk clears, at once. `clearingFunctions` must come before it. */
export const clearCopies = removalOf(
  'copies',
  traces.filter(({ keptByFresh }) => keptByFresh === undefined).flatMap(({ paths }) => paths),
);

/**
 * Writes a line into a file. A line of the same length takes the place of the old one, and an empty
 * file is not emptied, because that gives a file system much to do.
 */
const putting = `put() {
  old=$1
  [ ! -s "$2" ] || read -r old <"$2"
  if [ \${#old} = \${#1} ]; then echo "$1" 1<>"$2"; else echo "$1" >"$2"; fi
}
`;

/** Writes the ids and the name, from the variables `id` and `name`. Needs `putting`. */
const writeNames = `put "$id" /etc/machine-id || exit 1
if [ -d /var/lib/dbus ] && [ ! -L /var/lib/dbus/machine-id ]; then put "$id" /var/lib/dbus/machine-id; fi
put "$name" /etc/hostname || exit 1
`;

/** Makes new what a fresh disk must not have from the disk that it was copied from. */
const renewNames = `stale=
has /etc/machine-id "$id" || stale=yes
[ -z "$stale" ] || umount /etc/machine-id 2>/dev/null
${writeNames}if [ -d /var/lib/systemd ]; then (umask 077; head -c 512 /dev/urandom >/var/lib/systemd/random-seed); fi
# A container may not write it there.
{ echo "$name" >/proc/sys/kernel/hostname; } 2>/dev/null || hostname "$name"
if [ -n "$stale" ]; then
  # They have read the id that was there, and made of it what tells this machine from others on the network.
  for unit in systemd-networkd NetworkManager networking; do
    systemctl --no-block try-restart $unit 2>/dev/null
  done
fi
`;

/** Makes keys where there are none. Leaves the mark of the instance. Needs `putting`. */
const makeKeys = `
if command -v ssh-keygen >/dev/null && [ -d /etc/ssh ] && ! ls /etc/ssh/ssh_host_* >/dev/null 2>&1; then
  ssh-keygen -q -A || exit 1
  systemctl --no-block try-restart ssh sshd 2>/dev/null
fi
export DEBIAN_FRONTEND=noninteractive
if command -v make-ssl-cert >/dev/null; then make-ssl-cert generate-default-snakeoil --force-overwrite || exit 1; fi
put "$instance" $mark || exit 1
`;

/**
 * Gives the clone of a running machine its identity. Its arguments are the instance, the machine id
 * and the host name. The copies were cleared before the machine was cloned. It starts few programs,
 * because each one takes long under emulation.
 */
export const takeIdentity = `instance=$1 id=$2 name=$3
mark=/var/lib/silversmith/identity
${putting}${writeNames}echo "$name" >/proc/sys/kernel/hostname || exit 1
${makeKeys}`;

/**
 * Gives a fresh disk its identity, once. Its arguments are the instance, the machine id, the host
 * name and the mode, which says what runs it: `early` is cloud-init before it makes host keys,
 * `agent` is the guest agent, and `all` is anything that runs it to its end. Exits with 75 when
 * cloud-init is at work and will do it. `more` is done once too, and not by `early`. A machine that
 * becomes a `template` gets keys, without which its services would not run, and keeps the names of
 * its image, because each of its clones gets its own.
 */
export const renewIdentity = (
  more: string,
  { template = false } = {},
) => `instance=$1 id=$2 name=$3 mode=$4
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mark=/var/lib/silversmith/identity
mkdir -p /var/lib/silversmith /run/silversmith || exit 1
exec 9>/run/silversmith/identity.lock
flock -w 100 9 2>/dev/null
# Whether the first line of a file is this one. No program is started for it; see clone-script.ts.
has() {
  line=
  [ ! -r "$1" ] || read -r line <"$1"
  [ "$line" = "$2" ]
}
has $mark "$instance" && exit 0
if [ "$mode" = agent ] && [ -e /run/cloud-init/enabled ] && [ ! -e /run/cloud-init/result.json ]; then exit 75; fi
${clearingFunctions}${putting}
renew() {
${clearCopies}
${template ? '' : renewNames}}
if ! has /run/silversmith/renewed "$instance"; then
  renew >/dev/null
  echo "$instance" >/run/silversmith/renewed
fi
[ "$mode" = early ] && exit 0
${more}${makeKeys}sync
`;

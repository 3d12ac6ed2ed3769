// What makes a capture anybody's: a recipe that runs on top of it in a build machine, never on the machine's own disk. It takes away what
// identifies the machine it was (ids, host keys, leases, logs, histories, the state of cloud-init) and says so, and it names files that look
// like secrets, which it leaves where they are, since only their owner knows.

import type { Recipe } from '../domain/software.ts';

const script = String.raw`#!/bin/sh
# Each line of the report begins with "cleared:" or "warning:".
cleared() { echo "cleared: $*"; }
gone() {
  what=$1
  shift
  for path in "$@"; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    rm -rf -- "$path" && found=yes
  done
  [ "$found" = yes ] && cleared "$what"
  found=
}

found=
if [ -s /etc/machine-id ]; then
  : >/etc/machine-id
  cleared "machine id"
fi
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
gone "SSH host keys" /etc/ssh/ssh_host_*
gone "shell and tool histories" /root/.*_history /root/.lesshst /root/.viminfo /root/.wget-hsts /home/*/.*_history /home/*/.lesshst /home/*/.viminfo /home/*/.wget-hsts
gone "state of cloud-init" /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
gone "identity given by the seed" /var/lib/silversmith/instance /var/lib/silversmith/identity
gone "persistent names of devices" /etc/udev/rules.d/70-persistent-*.rules /etc/udev/rules.d/75-persistent-*.rules
gone "leases and random seed" /var/lib/dhcp/*.leases /var/lib/NetworkManager/*.lease /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
gone "temporary files" /tmp/* /tmp/.[!.]* /var/tmp/* /var/crash/*
gone "journal and rotated logs" /var/log/journal/* /var/log/*.gz /var/log/*.[0-9] /var/log/*/*.gz /var/log/*/*.[0-9]
if [ -n "$(find /var/log -xdev -type f -size +0 2>/dev/null | head -n 1)" ]; then
  find /var/log -xdev -type f -size +0 -exec sh -c 'for f; do : >"$f"; done' sh {} +
  cleared "logs"
fi

find /root /home /etc /opt /srv /var/lib /var/www -xdev -type f \( -name .env -o -name '.env.*' -o -name .netrc -o -name .pgpass \
  -o -name .git-credentials -o -path '*/.aws/credentials' -o -path '*/.config/gcloud/*credentials*' -o -path '*/.azure/*' \
  -o -path '*/.kube/config' -o -path '*/.docker/config.json' \) 2>/dev/null | head -n 50 | sed 's/^/warning: may hold secrets: /'
# One grep for many files: under emulation a process costs more than a file.
find /root /home /etc /opt /srv /var/lib /var/www -xdev -path /var/lib/dpkg -prune -o -type f -size -65k \
  -exec grep -l -a -s -e '-----BEGIN [A-Z ]*PRIVATE KEY-----' {} + 2>/dev/null | head -n 50 | sed 's/^/warning: holds a private key: /'
find /root /home -xdev -type f -name authorized_keys -size +0 2>/dev/null | sed 's/^/warning: lets keys in: /'
exit 0
`;

export const generalizeRecipe: Recipe = { script, files: [], network: false, timeoutMs: 10 * 60_000 };

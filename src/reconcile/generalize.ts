// The recipe that generalises a capture. It runs in a build machine on top of the capture, never on
// the machine's own disk. It removes what identifies the machine (the list of domain/identity.ts)
// and the traces of its use (logs, histories, temporary files), and reports both. It names files
// that look like secrets and leaves them, because only their owner can judge them.

import type { BootProfile } from '../domain/boot.ts';
import { clearIdentity, clearingFunctions } from '../domain/identity.ts';
import type { Recipe } from '../domain/software.ts';

const script = String.raw`#!/bin/sh
# Each line of the report begins with "cleared:" or "warning:".
${clearingFunctions}
command -v journalctl >/dev/null && journalctl --relinquish-var 2>/dev/null
${clearIdentity}
gone "shell and tool histories" /root/.*_history /root/.lesshst /root/.viminfo /root/.wget-hsts /home/*/.*_history /home/*/.lesshst /home/*/.viminfo /home/*/.wget-hsts
gone "temporary files" /tmp/* /tmp/.[!.]* /var/tmp/* /var/crash/*
gone "rotated logs" /var/log/*.gz /var/log/*.[0-9] /var/log/*/*.gz /var/log/*/*.[0-9]
if [ -n "$(find /var/log -xdev -type f -size +0 2>/dev/null | head -n 1)" ]; then
  overwrite /var/log
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

# The file system's journal has copies of folders, with the names of what was in them. A file whose bytes go through it writes over all of it.
journal=/.silversmith-journal
root=$(while read -r from at _; do [ "$at" != / ] || echo "$from"; done </proc/mounts | tail -n 1)
size=$(dumpe2fs -h "$root" 2>/dev/null | sed -n 's/^Total journal size: *\([0-9]*\)M$/\1/p')
if [ -n "$size" ] && : >$journal && chattr +j $journal 2>/dev/null; then
  timeout 120 dd if=/dev/zero of=$journal bs=1M count=$((size + size / 4)) 2>/dev/null && cleared "journal of the file system"
  sync
fi
rm -f $journal

# What was removed is still in the free blocks. Whole clusters are given back; the blocks between files, which are too small for that, are
# filled with zeros: the large free areas are set aside first, so that it takes as long on a large disk as on a small one.
# ext4 keeps some blocks back even from root, and hands out the smallest last.
for reserve in /sys/fs/ext4/*/reserved_clusters; do [ ! -w "$reserve" ] || echo 0 >"$reserve"; done
hole=/.silversmith-hole fill=/.silversmith-fill
free=$(($(stat -f -c '%f * %S' /)))
fallocate -l $((free - free / 50 - 268435456)) $hole 2>/dev/null
timeout 300 dd if=/dev/zero of=$fill bs=1M 2>/dev/null
sync
rm -f $hole $fill
sync
fstrim / 2>/dev/null && cleared "free blocks"
exit 0
`;

/** The same for Windows: its own tool, which also takes away what identifies the machine. */
const sysprep = `$tool = "$env:SystemRoot\\System32\\Sysprep\\sysprep.exe"
$run = Start-Process -Wait -PassThru $tool -ArgumentList '/generalize', '/oobe', '/mode:vm', '/quit'
exit $run.ExitCode
`;

export const generalizeRecipe = ({ agentShell }: BootProfile): Recipe => ({
  script: agentShell === 'powershell' ? sysprep : script,
  files: [],
  network: false,
  timeoutMs: 10 * 60_000,
});

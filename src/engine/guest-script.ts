// Scripts that run inside guests, whatever the engine hands them over with: one gives a fresh disk
// its identity, others clear the identity from a disk that becomes a layer.

import { clearIdentity, clearingFunctions, renewIdentity } from '../domain/identity.ts';
import type { Identity } from './identity.ts';

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
 * runs. A shell can read it from its standard input.
 */
export const renewScript = (
  { instance, machineId, hostName }: Identity,
  mode: 'early' | 'all' | 'agent',
) => `set -- ${instance} ${machineId} ${hostName} ${mode}\n{\n${renewIdentity}} </dev/null\n`;

// The parts that an engine may have beside its core. An engine that lacks an ability lacks its
// field.

import { invalid } from '../../domain/error.ts';
import type { Backup } from './backup.ts';
import type { BootCheck } from './boot-check.ts';
import type { Compact } from './compact.ts';
import type { Console } from './console.ts';
import type { Exec } from './exec.ts';
import type { HostBound } from './host-bound.ts';
import type { Instant } from './instant.ts';
import type { Network } from './network.ts';
import type { Packages } from './packages.ts';
import type { Pause } from './pause.ts';
import type { Places } from './places.ts';
import type { Screen } from './screen.ts';
import type { Tpm } from './tpm.ts';
import type { Transfer } from './transfer.ts';
import type { Trial } from './trial.ts';
import type { Verify } from './verify.ts';
import type { Vitals } from './vitals.ts';

export interface Parts {
  readonly backup: Backup;
  readonly bootCheck: BootCheck;
  readonly compact: Compact;
  readonly console: Console;
  readonly exec: Exec;
  readonly hostBound: HostBound;
  readonly network: Network;
  readonly instant: Instant;
  readonly packages: Packages;
  readonly pause: Pause;
  readonly places: Places;
  readonly screen: Screen;
  readonly tpm: Tpm;
  readonly transfer: Transfer;
  readonly trial: Trial;
  readonly verify: Verify;
  readonly vitals: Vitals;
}

const cannot: Record<keyof Parts, string> = {
  backup: 'copies nothing for a backup; use the means of what it keeps its disks on',
  bootCheck: 'chooses the firmware and the board of its machines by itself',
  compact: 'cannot shorten the chain of an image',
  console: 'shows no consoles',
  exec: 'runs no guests, so no command can be run in one; use the qemu engine',
  hostBound: 'keeps nothing on this host',
  network: 'leaves the network of machines to its cluster',
  instant: 'starts no machines from memory, so it makes no templates',
  packages:
    'reads no disks of images; ask a machine that runs on it, such as with silversmith machine exec ID -- dpkg-query -W',
  pause: 'pauses no machines',
  places: 'has one host only',
  screen: 'gives its machines no screens; use their consoles',
  tpm: 'emulates no TPM',
  transfer:
    'gives out and takes in no images as files; use its own means, such as incus image export, and silversmith base add for what comes from elsewhere',
  trial: 'starts no machine only to see whether it comes up',
  verify:
    'takes no digests of layers; to replace a damaged base, retire it and add it anew: silversmith base retire, silversmith base add',
  vitals:
    'cannot say whether the guest of a machine lives, so no machine is started again after a crash or stopped because it is idle',
};

type Having = { readonly name: string } & Partial<Parts>;

/** Says that an engine lacks a part, and what helps. */
export function saysLacking({ name: engine }: Having, part: keyof Parts): string {
  const who = engine === 'simulator' ? 'The simulator' : `The ${engine} engine`;
  return `${who} ${cannot[part]}.`;
}

/** Returns a part that the caller needs. Throws `invalid`, which names the missing ability. */
export function requirePart<Name extends keyof Parts>(engine: Having, name: Name): Parts[Name] {
  const part: Partial<Parts>[Name] = engine[name];
  if (part === undefined) throw invalid(saysLacking(engine, name));
  return part;
}

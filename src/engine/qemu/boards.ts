// The boards that QEMU on this host emulates. A board has a version, and a guest on the same
// version sees the same hardware whatever the version of QEMU is.

import type { Boards } from '../optional/boot-check.ts';

/** The boards in QEMU's answer to `-machine help`; undefined for a text that names none. */
export function boardsIn(help: string): Boards | undefined {
  const all = [...help.matchAll(/^(pc-q35-[0-9][0-9.]{0,10})\s/gm)].flatMap(
    ([, name]) => name ?? [],
  );
  const [, newest] = /^q35\s.*\(alias of (pc-q35-[0-9.]{1,12})\)/m.exec(help) ?? [];
  return newest !== undefined && all.includes(newest) ? { newest, all } : undefined;
}

// Says why a guest did not come up, from the plain text of its console (lib/plain-console.ts). A
// table has the known signs; the sign nearest to the end counts.

const linesShown = 5;
const lineCharsMax = 200;
/** The longest part of a console that is read, because a guest may print without end. */
const charsMax = 16_384;

const signs: readonly [pattern: RegExp, says: (found: RegExpMatchArray) => string][] = [
  [
    /Kernel panic - not syncing: ?([^\n]{0,150})/,
    ([, why = '']) => `its kernel panicked (${why.trim()})`,
  ],
  [
    /\(initramfs\) |dracut:\/#|Enter 'help' for a list of built-in commands/,
    () =>
      'it stopped in a shell of its initramfs, as when the root disk is not found under the name it is looked for',
  ],
  [
    /You are in (?:emergency|rescue) mode|Give root password for maintenance|Press Enter for maintenance/,
    () => 'it stopped in emergency mode, as when a file system of its fstab is missing',
  ],
  [/(?:grub rescue|grub)> /, () => 'its boot loader did not find its files'],
  [
    /not a bootable disk|No bootable device|Missing operating system|Operating system not found/i,
    () =>
      'the firmware found no boot sector on its disk; a disk that boots by UEFI only does not boot here',
  ],
  [
    /Booting from Hard Disk\.{0,3}\s*$/,
    () =>
      'nothing followed the boot sector of its disk; a disk that boots by UEFI only does not boot here',
  ],
  [
    / login: ?(?:\n|$)|\[press ENTER to login\]/,
    () =>
      'it shows a login prompt, but neither cloud-init nor a guest agent in it took its seed, so it has no identity of its own; install cloud-init or qemu-guest-agent in its image',
  ],
  [/reboot: (?:Power down|System halted)/, () => 'its guest powered off'],
];

/** The known sign nearest to the end of a console, as the end of a sentence; null without one. */
export function seenOn(console: string): string | null {
  let best: { at: number; said: string } | null = null;
  for (const [pattern, says] of signs)
    for (const found of console.matchAll(new RegExp(pattern, `g${pattern.flags}`)))
      if (best === null || found.index > best.at) best = { at: found.index, said: says(found) };
  return best?.said ?? null;
}

/** The sentences to add to the reason why a guest did not come up. */
export function consoleReason(plain: string): string {
  const console = plain.slice(-charsMax);
  const lines = console.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return ' Its console shows nothing.';
  const last = lines.slice(-linesShown).map((line) => line.slice(0, lineCharsMax));
  const seen = seenOn(console);
  return `${seen === null ? '' : ` What was seen: ${seen}.`} The last lines of its console:\n${last.join('\n')}`;
}

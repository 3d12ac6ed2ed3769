// The page of recorded figures: each benchmark has sections of its own, and a recording replaces
// those that it has measured anew.

export interface Section {
  command: string;
  title: string;
  /** The machine that it was measured on. */
  machine: string;
  body: string;
}

/** The arguments of a command by which its section is found; a count of rounds makes no other. */
const nameOf = (command: string): string =>
  command
    .replace(/ --(rounds|seconds|cold-beside) \S+/g, '')
    .replace(/^npm run bench -- /, '')
    .trim();

/**
 * The page with a section in the place of the one of the same benchmark and options, or at its end.
 * The machine is named in a section unless the page names it for all.
 */
export function withSection(page: string, { command, title, machine, body }: Section): string {
  const [head = '', ...sections] = page.split(/^(?=## )/m);
  const on = head.includes(`The machine: ${machine}.`) ? '' : `Measured on ${machine}.\n\n`;
  const made = `## ${title}\n\n\`${command}\`\n\n${on}${body}`;
  const at = sections.findIndex(
    (one) => nameOf(/^`(.*)`$/m.exec(one)?.[1] ?? '') === nameOf(command),
  );
  const isLast = at === -1 || at === sections.length - 1;
  const text = `${made.trimEnd()}\n${isLast ? '' : '\n'}`;
  if (at !== -1) return [head, ...sections.with(at, text)].join('');
  return `${[head, ...sections].join('').trimEnd()}\n\n${text}`;
}

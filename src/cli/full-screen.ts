// The full screen of a terminal: a second screen that is left again however the program ends, so
// that the lines that were there before come back.

import { writeSync } from 'node:fs';

const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

interface FullScreen {
  /** Shows lines in place of those before. */
  show(lines: readonly string[]): void;
  /** Resolves to an exit status once q or Ctrl-C was typed or a signal has come. */
  ended: Promise<number>;
  close(): void;
}

/** Takes the screen; `redraw` is called when its size has changed. */
export function fullScreen(redraw: () => void): FullScreen {
  const { stdin, stdout } = process;
  let isOpen = true;
  // Written at once, because nothing is written later when the process ends.
  const restore = () => {
    if (!isOpen) return;
    isOpen = false;
    try {
      writeSync(stdout.fd, leave);
    } catch {
      // The terminal has gone, so there is nothing to restore.
    }
  };
  process.once('exit', restore);
  stdout.write(enter);
  stdout.on('resize', redraw);
  let end = (_status: number) => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  const onSignal = Object.entries(signals).map(([signal, status]) => {
    const on = () => end(status);
    process.once(signal, on);
    return () => process.removeListener(signal, on);
  });
  const onKey = (keys: Buffer) => {
    if (keys.includes(3)) end(signals.SIGINT);
    else if (/[qQ]/.test(keys.toString())) end(0);
  };
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on('data', onKey);
  }
  return {
    show: (lines) =>
      void stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`),
    ended,
    close() {
      stdout.removeListener('resize', redraw);
      for (const off of onSignal) off();
      if (stdin.isTTY) {
        stdin.removeListener('data', onKey);
        stdin.setRawMode(false);
        stdin.pause();
      }
      restore();
      process.removeListener('exit', restore);
    },
  };
}

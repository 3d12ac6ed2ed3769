// silversmith completion|manual: what is printed from the commands themselves.

import { Argument, type Command } from 'commander';
import type { Terminal } from '../cli/output.ts';

export interface PagesContext {
  terminal: Terminal;
  /** Prints a page from all commands; loaded when it is asked for, because it loads all of them. */
  printed: (page: 'bash' | 'zsh' | 'fish' | 'manual') => Promise<string>;
}

export function completionCommand(command: Command, { terminal, printed }: PagesContext): void {
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nTo load it in each new shell:\n  bash: source <(silversmith completion bash)           in ~/.bashrc\n  zsh:  source <(silversmith completion zsh)            in ~/.zshrc, after compinit\n  fish: silversmith completion fish | source            in ~/.config/fish/config.fish',
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      terminal.out((await printed(shell)).trimEnd());
    });
}

export function manualCommand(command: Command, { terminal, printed }: PagesContext): void {
  command.action(async () => {
    terminal.out((await printed('manual')).trimEnd());
  });
}

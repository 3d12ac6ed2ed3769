// silversmith doctor: prints the faults and their cures.

import type { Command } from 'commander';
import type { Finding } from '../../reconcile/findings.ts';
import type { Terminal } from '../output.ts';
import type { Both, OperatorContext } from './context.ts';

export function doctorCommand(
  command: Command,
  { both, withDesk, print, terminal }: OperatorContext,
): void {
  both(command)
    .option('--deep', 'read every layer, and compare it with its digest')
    .action((flags: Both & { deep?: boolean }) =>
      withDesk(
        flags,
        async (desk) => {
          const findings = await desk.doctor(flags.deep === true);
          print(flags, findings, inWords(findings));
          failOn(findings, terminal);
        },
        { check: true },
      ),
    );
}

export const inWords = (findings: readonly Finding[]): string =>
  findings.length === 0
    ? 'All is well: the store and the disk of the host agree.'
    : findings
        .map(
          ({ severity, subject, found, cure }) =>
            `${severity}: ${subject} ${found}\n  cure: ${cure}`,
        )
        .join('\n');

/** The exit status is 1 when a finding is an error. */
export function failOn(findings: readonly Finding[], terminal: Terminal): void {
  if (findings.some(({ severity }) => severity === 'error')) terminal.exitCode = 1;
}

// The scripts that the guest agent starts in a build machine whose system reads no seed. Each finds
// the disk with the recipe by its label, runs the recipe with its output in a file, and ends that
// file with the line that a build reports its exit status with.

import type { AgentShell } from '../../domain/boot.ts';
import { type BuildSeed, recipeRun } from './seed.ts';

/** The label of that disk. No seed reader looks for it, so none takes it for its own. */
export const agentSeedLabel = 'silversmith';

/** How an agent runs recipes in the shell of its system. */
interface AgentRun {
  /** The program that the agent starts. */
  command: readonly string[];
  /** Its standard input. */
  input?: string;
  /** The file in the guest with the output. */
  output: string;
  /** Removes that file; empty where it is not on the disk. */
  forget: readonly string[];
}

/** The exit status with which installers of Windows ask for a reboot. */
export const windowsRebootStatus = 3010;

export const agentRun = (shell: AgentShell, seed: BuildSeed): AgentRun =>
  shell === 'sh' ? shRun(seed) : powershellRun(seed);

const shOutput = '/run/silversmith/output';

const shRun = (seed: BuildSeed): AgentRun => ({
  command: ['/bin/sh'],
  input: `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root
seed=/run/silversmith/seed
out=${shOutput}
mkdir -p $seed
mount -o ro "$(blkid -L ${agentSeedLabel} || echo /dev/disk/by-label/${agentSeedLabel})" $seed
${recipeRun(seed)}`,
  output: shOutput,
  forget: [],
});

const windowsOutput = 'C:\\Windows\\Temp\\silversmith-output.txt';

/** A text of PowerShell in which nothing is replaced. */
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const powershellScript = ({ token, boot, recipe, environment }: BuildSeed): string => `
$seed = "$((Get-Volume | Where-Object FileSystemLabel -eq '${agentSeedLabel}').DriveLetter):"
$work = "$env:SystemDrive\\silversmith-build"
$out = '${windowsOutput}'
if (${boot} -eq 1) { Remove-Item -Recurse -Force $work -ErrorAction SilentlyContinue }
New-Item -ItemType Directory -Force $work | Out-Null
Copy-Item "$seed\\files\\*" $work -Force
Copy-Item "$seed\\recipe" "$work\\recipe.ps1" -Force
Set-Location $work
$env:SILVERSMITH_BOOT = '${boot}'
${Object.entries(environment)
  .map(([name, value]) => `Set-Item -Path ${quoted(`env:${name}`)} -Value ${quoted(value)}`)
  .join('\n')}
cmd.exe /d /c "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File recipe.ps1 > $out 2>&1 < NUL"
$code = $LASTEXITCODE
Set-Location $env:SystemDrive\\
if ($code -ne ${recipe.rebootStatus ?? windowsRebootStatus}) { Remove-Item -Recurse -Force $work }
[IO.File]::AppendAllText($out, "\`n" + [char]30 + "silversmith-exit ${token} $code 0\`n")
`;

const powershellRun = (seed: BuildSeed): AgentRun => ({
  command: [
    ...['powershell.exe', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass'],
    ...['-EncodedCommand', Buffer.from(powershellScript(seed), 'utf16le').toString('base64')],
  ],
  output: windowsOutput,
  forget: ['cmd.exe', '/d', '/c', 'del', windowsOutput],
});

// The settings by which starts of machines and builds are admitted.

import { decimal, whole } from '../cli/parse.ts';
import { inUnits, setting } from '../cli/setting.ts';
import { defaultSettings, type Settings } from '../reconcile/context.ts';

export const admissionSettings = {
  startsAtOnce: setting({
    option: '--starts-at-once <number>',
    variable: 'SILVERSMITH_STARTS_AT_ONCE',
    parse: whole(1, 1000),
    default: defaultSettings.limits.machineStart,
    help: 'machines that may be starting at the same time; the others wait for their turn',
  }),
  buildsAtOnce: setting({
    option: '--builds-at-once <number>',
    variable: 'SILVERSMITH_BUILDS_AT_ONCE',
    parse: whole(1, 1000),
    default: defaultSettings.limits.imageInstall,
    help: 'images that may be built at the same time',
  }),
  hostMemoryMb: setting({
    option: '--host-memory-mb <number>',
    variable: 'SILVERSMITH_HOST_MEMORY_MB',
    parse: whole(1, 1e9),
    default: null,
    defaultSays: 'what the host, or the control group of the server, has',
    help: 'MB of memory that machines and builds share',
  }),
  hostCpus: setting({
    option: '--host-cpus <number>',
    variable: 'SILVERSMITH_HOST_CPUS',
    parse: whole(1, 1e6),
    default: null,
    defaultSays: 'what the host has',
    help: 'processors that machines and builds share',
  }),
  memoryOvercommit: setting({
    option: '--memory-overcommit <factor>',
    variable: 'SILVERSMITH_MEMORY_OVERCOMMIT',
    parse: decimal(0.1, 100),
    default: defaultSettings.memoryOvercommit,
    help: 'how many times that memory machines and builds may have together; 1 is safe',
  }),
  cpuOvercommit: setting({
    option: '--cpu-overcommit <factor>',
    variable: 'SILVERSMITH_CPU_OVERCOMMIT',
    parse: decimal(0.1, 1000),
    default: defaultSettings.cpuOvercommit,
    help: 'how many times those processors they may have together',
  }),
  diskGrowthGb: setting({
    option: '--disk-growth-gb <number>',
    variable: 'SILVERSMITH_DISK_GROWTH_GB',
    ...inUnits(1024 ** 3, decimal(0, 1e4), defaultSettings.diskGrowthBytes),
    help: 'GB that are reserved for what the disk of each machine that is on may grow in a minute; at most a hundredth of the host’s disk',
  }),
};

interface Given {
  hostMemoryMb: number | null;
  hostCpus: number | null;
  memoryOvercommit: number;
  cpuOvercommit: number;
  diskGrowthGb: number;
}

export const admissionConfig = ({ diskGrowthGb, ...given }: Given): Partial<Settings> => ({
  hostMemoryMb: given.hostMemoryMb,
  hostCpus: given.hostCpus,
  memoryOvercommit: given.memoryOvercommit,
  cpuOvercommit: given.cpuOvercommit,
  diskGrowthBytes: diskGrowthGb,
});

// The tasks that the loop runs, each in a file of its own below tasks/.

import type { Task } from './task.ts';
import { collect } from './tasks/collect.ts';
import { compact } from './tasks/compact.ts';
import { deliver } from './tasks/deliver.ts';
import { listPackages } from './tasks/list-packages.ts';
import { measure } from './tasks/measure.ts';
import { network } from './tasks/network.ts';
import { observe } from './tasks/observe.ts';
import { sweep } from './tasks/sweep.ts';
import { template } from './tasks/template.ts';
import { verify } from './tasks/verify.ts';

export const tasks = {
  observe,
  network,
  measure,
  collect,
  compact,
  sweep,
  template,
  verify,
  deliver,
  listPackages,
} satisfies Record<string, Task>;
export type TaskName = keyof typeof tasks;
export const taskNames = Object.keys(tasks) as TaskName[];

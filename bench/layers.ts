// Measures layers on real files, without a guest: captures, new disks, compaction, exports, imports
// and digests. Each is beside the tools that an operator would type for the same, in turns, in the
// same run. Both sync their results. Ours are also in a cage, under limits, and checked. As root it
// measures on two file systems: that of the temporary folder, and XFS, which has reflinks.
// Type: npm run bench layers [-- --json]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Beside, besideWith } from './layers/beside.ts';
import { measureChain } from './layers/chain.ts';
import { measureBytes, measureCaptures, measureDisks } from './layers/disks.ts';
import { begin } from './layers/engine.ts';
import { openMeter } from './processor.ts';
import { type Row, report } from './report.ts';
import { fileSystemOf, onXfs } from './xfs.ts';

async function measure(folder: string, beside: Beside): Promise<Row[]> {
  const bench = await begin(folder, beside);
  const rows = [
    ...(await measureCaptures(bench)),
    ...(await measureDisks(bench)),
    ...(await measureBytes(bench)),
    ...(await measureChain(bench)),
  ];
  const fileSystem = fileSystemOf(folder);
  return rows.map(({ what, values }) => ({ what: `${fileSystem}: ${what}`, values }));
}

const folder = await mkdtemp(join(tmpdir(), 'silversmith-bench-'));
const meter = await openMeter();
try {
  const beside = besideWith(meter);
  const rows = await measure(folder, beside);
  if (process.getuid?.() === 0)
    rows.push(...(await onXfs(folder, (mounted) => measure(mounted, beside))));
  report('layers', rows);
} finally {
  await meter?.close();
  await rm(folder, { recursive: true, force: true });
}

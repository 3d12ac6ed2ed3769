// Measures what reads a whole chain of layers: compaction, exports, imports, and digests.

import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { fileSink } from '../../src/lib/content.ts';
import { copySparse } from '../../src/lib/files.ts';
import { call } from '../../test/call.ts';
import { contents } from '../../test/content.ts';
import type { Row } from '../report.ts';
import type { Round } from './beside.ts';
import {
  type Bench,
  diskFile,
  layerFile,
  newDisk,
  newId,
  qemuImg,
  qemuIo,
  synced,
  tool,
} from './engine.ts';

const links = 10;
const zstd = ['-c', '-o', 'compression_type=zstd'];

interface Chain extends Bench {
  /** The layers, the top first. */
  chain: LayerId[];
  /** The file of the top. */
  top: string;
}

/** Makes a chain of captures, each of which writes anew half of what the one before has written. */
async function makeChain(bench: Bench): Promise<Chain> {
  const sizeBytes = 4 * gbBytes;
  const disk = await newDisk(bench, sizeBytes);
  const chain = [bench.base];
  for (let index = 0; index < links; index++) {
    await qemuIo(diskFile(bench, disk), `write -s ${bench.pattern} ${index * 16}M 32M`);
    const layerId = newId<LayerId>();
    chain.unshift(layerId);
    await bench.engine.sealDisk({ diskId: disk, layerId, sizeBytes }, call);
  }
  return { ...bench, chain, top: layerFile(bench, chain[0] ?? bench.base) };
}

/** The chain's content on the base alone, compared with the original before it takes its place. */
async function measureCompaction({
  beside,
  engine,
  base,
  folder,
  chain,
  top,
}: Chain): Promise<Row[]> {
  const [kept, part] = [join(folder, 'kept.qcow2'), join(folder, 'engine', 'layers', 'part')];
  await copySparse(top, kept);
  /** Puts the original back where a rewritten layer has taken its place. */
  const putBack = async () => {
    await copySparse(kept, part);
    await rename(part, top);
    await synced(top);
  };
  const [layerId = base] = chain;
  const ours: Round = async (measured) => {
    await measured(() => engine.compact.rewrite({ layerId, parentId: base, chain }, call));
    await putBack();
  };
  const formats = ['-f', 'qcow2', '-F', 'qcow2'];
  const rebasing: Round = async (measured) => {
    await measured(async () => {
      await tool('cp', '--reflink=auto', '--sparse=always', top, part);
      await chmod(part, 0o600);
      await qemuImg('rebase', '-q', ...formats, '-b', `${base}.qcow2`, part);
      await qemuImg('compare', '-q', ...formats, top, part);
      await synced(part);
    });
    await rm(part);
  };
  const what = 'chain of eleven compacted, compared';
  return [
    await beside({
      what,
      ours,
      peer: 'the same: cp, qemu-img rebase, compare; synced',
      theirs: rebasing,
    }),
    await beside({
      what,
      ours,
      peer: 'not compared: qemu-img convert; synced',
      theirs: converting('qcow2', [], { top, folder }),
    }),
  ];
}

/** A standalone file of a chain, by qemu-img. */
const converting =
  (format: string, options: string[], { top, folder }: Pick<Chain, 'top' | 'folder'>): Round =>
  async (measured) => {
    const made = join(folder, 'made');
    await measured(async () => {
      await qemuImg('convert', '-f', 'qcow2', '-O', format, ...options, top, made);
      await synced(made);
    });
    await rm(made);
  };

async function measureExports(all: Chain): Promise<Row[]> {
  const { beside, engine, base, folder, chain } = all;
  const exporting =
    (format: 'qcow2' | 'raw', file: string): Round =>
    async (measured) => {
      await rm(file, { force: true });
      const spec = {
        layerId: chain[0] ?? base,
        format,
        to: fileSink(file),
        boot: { mode: 'bios' as const },
        baseLayerId: base,
        bytesMax: Number.MAX_SAFE_INTEGER,
        chain,
      };
      await measured(() => engine.transfer.exportLayer(spec, call));
    };
  return [
    await beside({
      what: 'export, zstd',
      ours: exporting('qcow2', join(folder, 'export.qcow2')),
      peer: 'the same: qemu-img convert -c, zstd; synced',
      theirs: converting('qcow2', zstd, all),
    }),
    await beside({
      what: 'flatten: export, raw',
      ours: exporting('raw', join(folder, 'export.raw')),
      peer: 'the same: qemu-img convert -O raw; synced',
      theirs: converting('raw', [], all),
    }),
  ];
}

/** Takes the compressed export in again. */
async function measureImport({ beside, engine, folder }: Chain): Promise<Row> {
  const file = join(folder, 'export.qcow2');
  const ours: Round = async (measured) => {
    const layerId = newId<LayerId>();
    const disk = await contents({ disk: file });
    const spec = { layerId, parentId: null, bytesMax: 100 * gbBytes, ...disk };
    await measured(() => engine.transfer.importLayer(spec, call));
    await engine.removeLayer(layerId, call);
  };
  const made = join(folder, 'made');
  const theirs: Round = async (measured) => {
    await measured(async () => {
      await qemuImg('check', '-q', '-f', 'qcow2', file);
      await qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', file, made);
      await synced(made);
    });
    await rm(made);
  };
  const peer = 'qemu-img check, convert; synced';
  return beside({ what: 'import', ours, peer, theirs });
}

/** The digest of a layer, which is what a verification takes. */
const measureDigest = ({ beside, engine, chain, base, top }: Chain): Promise<Row> =>
  beside({
    what: 'verify: digest',
    ours: (measured) =>
      measured(() => engine.verify.digest({ layerId: chain[0] ?? base, bytesPerSecond: 0 }, call)),
    peer: 'openssl dgst -sha256',
    theirs: (measured) => measured(() => tool('openssl', 'dgst', '-sha256', top)),
  });

export async function measureChain(bench: Bench): Promise<Row[]> {
  const chain = await makeChain(bench);
  return [
    ...(await measureCompaction(chain)),
    ...(await measureExports(chain)),
    await measureImport(chain),
    await measureDigest(chain),
  ];
}

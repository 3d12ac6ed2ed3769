// The files of a file system that is read here, by the numbers of their inodes. Each kind of file
// system is a file beside this one. A guest wrote them, so each number from the disk is compared
// with a limit before it is used. Nothing is written, no journal is replayed, and checksums are not
// compared.

const linksMax = 40;
const pagesKeptMax = 512;
const pageBytes = 65_536;

/** What a file system lies on. What is beyond the end reads as zeros. */
export interface Disk {
  readonly bytes: number;
  read(offset: number, length: number): Promise<Buffer>;
  fill(target: Buffer, offset: number): Promise<void>;
}

/** A part of a disk. */
export const partOf = (disk: Disk, startBytes: number, bytes: number): Disk => ({
  bytes,
  read: (offset, length) => disk.read(startBytes + offset, length),
  fill: (target, offset) => disk.fill(target, startBytes + offset),
});

type FileKind = 'file' | 'folder' | 'link' | 'other';

const kinds: Record<number, FileKind> = { 4: 'folder', 8: 'file', 10: 'link' };

/** The kind that a mode of POSIX has in its upper bits. */
export const kindOf = (mode: number): FileKind => kinds[mode >> 12] ?? 'other';

/** A piece of a file. */
export interface Run {
  /** In the file, and on the disk; null: zeros. */
  at: number;
  place: number | null;
  bytes: number;
}

export interface Inode {
  number: number;
  kind: FileKind;
  /** With the bits of the kind. */
  mode: number;
  uid: number;
  gid: number;
  sizeBytes: number;
  /** Seconds since 1970. */
  modifiedS: number;
  flags: number;
  /** The field that tells where the content is, or is a short content itself. */
  places: Buffer;
}

export const damaged = (what: string) => new Error(`the file system is damaged: ${what}`);

/** Throws for a content that is larger than what may be read. */
export function assertReadable(sizeBytes: number, bytesMax: number): void {
  if (sizeBytes > bytesMax)
    throw new Error(`it has ${sizeBytes} bytes, and at most ${bytesMax} are read`);
}

export abstract class FileTree {
  protected readonly disk: Disk;
  readonly #pages = new Map<number, Buffer>();

  constructor(disk: Disk) {
    this.disk = disk;
  }

  protected abstract readonly root: number;
  abstract inode(number: number): Promise<Inode>;
  /** The content. Throws for one that is larger, encrypted or damaged. */
  abstract content(inode: Inode, bytesMax: number): Promise<Buffer>;
  /** The names in a folder with their inodes, without itself and its parent. */
  abstract folder(inode: Inode): Promise<Map<string, number>>;

  /** Bytes of a table, by way of pages that are kept. */
  protected async table(offset: number, length: number): Promise<Buffer> {
    const found = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const start = Math.floor((offset + done) / pageBytes) * pageBytes;
      let page = this.#pages.get(start);
      if (page === undefined) {
        page = await this.disk.read(start, pageBytes);
        const [oldest] = this.#pages.keys();
        if (oldest !== undefined && this.#pages.size >= pagesKeptMax) this.#pages.delete(oldest);
        this.#pages.set(start, page);
      }
      done += page.copy(found, done, offset + done - start);
    }
    return found;
  }

  /**
   * A content from its runs, whose last one may end up to a block behind it. Runs may lie over each
   * other, but not without end.
   */
  protected async gathered(
    sizeBytes: number,
    runs: AsyncIterable<Run>,
    blockBytes: number,
  ): Promise<Buffer> {
    const found = Buffer.alloc(sizeBytes);
    let left = 2 * sizeBytes + blockBytes;
    for await (const { at, place, bytes } of runs) {
      if (at >= sizeBytes) continue;
      const part = found.subarray(at, Math.min(at + bytes, sizeBytes));
      left -= part.length;
      if (left < 0) throw damaged('parts of a file lie over each other');
      if (place !== null) await this.disk.fill(part, place);
    }
    return found;
  }

  /** The inode of a path, whose links are followed within this file system; null: there is none. */
  async find(path: string): Promise<Inode | null> {
    let links = linksMax;
    let rest = path.split('/').filter((name) => name !== '');
    const above: Inode[] = [await this.inode(this.root)];
    while (rest.length > 0) {
      const [name = '', ...others] = rest;
      rest = others;
      if (name === '.') continue;
      if (name === '..') {
        if (above.length > 1) above.pop();
        continue;
      }
      const folder = above.at(-1);
      const number = folder?.kind === 'folder' ? (await this.folder(folder)).get(name) : undefined;
      if (number === undefined) return null;
      const next = await this.inode(number);
      if (next.kind !== 'link') {
        above.push(next);
        continue;
      }
      if (--links < 0 || rest.length > 4096) return null;
      const target = (await this.content(next, 4096)).toString();
      if (target.startsWith('/')) above.length = 1;
      rest = [...target.split('/').filter((one) => one !== ''), ...rest];
    }
    return above.at(-1) ?? null;
  }
}

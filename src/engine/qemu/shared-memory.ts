// Memory that processes share and none can change any more: a file that exists in memory alone and
// is sealed against writing (memfd_create(2)). QEMU opens the file of a guest's memory for writing,
// also where it maps it privately, so a file on a disk would let a guest that has taken over its
// QEMU write into the memory of all others. Node has no call for such files, so a small program of
// Perl, which every Debian has, makes and seals them.

import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { freemem } from 'node:os';
import { createInterface } from 'node:readline';
import { failedForNow } from '../../domain/error.ts';
import { systemPath } from '../../lib/spawn.ts';

/** The numbers of memfd_create, mmap, munmap and madvise, by processor. */
const calls: Partial<Record<NodeJS.Architecture, readonly number[]>> = {
  x64: [319, 9, 11, 28],
  arm64: [279, 222, 215, 233],
};
/** MFD_CLOEXEC and MFD_ALLOW_SEALING. */
const flags = 3;
const largePageBytes = 2 * 1024 ** 2;
/** PROT_READ and PROT_WRITE; MAP_PRIVATE and MAP_ANONYMOUS; MAP_SHARED and MAP_FIXED. */
const [readWrite, reserved, sharedThere] = [3, 0x22, 0x11];
/** MADV_COLLAPSE: Linux 6.1 and later. */
const collapse = 25;
/** F_ADD_SEALS: no more seals, no other length, no writing. */
const [addSeals, seals] = [1033, 15];
const answerMs = 10_000;
/** How fast a busy host empties large pages. */
const emptiedBytesPerMs = 100_000;
/** Of the memory that the host has free. Guests without large pages take theirs bit by bit. */
const largeShareMax = 0.5;

// Where large pages cannot be had, the memory has small ones.
const program = `my ($size, $isLarge, $create, $map, $unmap, $advise) = map { $_ + 0 } @ARGV;
my $name = 'silversmith-memory';
my $fd = syscall($create, $name, ${flags});
die "memfd_create: $!\\n" if $fd < 0;
open(my $file, '+<&=', $fd) or die "open: $!\\n";
truncate($file, $size) or die "truncate: $!\\n";
my $page = ${largePageBytes};
my $room = $isLarge ? syscall($map, 0, $size + $page, 0, ${reserved}, -1, 0) : -1;
if ($room > 0) {
  my $at = int(($room + $page - 1) / $page) * $page;
  if (syscall($map, $at, $size, ${readWrite}, ${sharedThere}, $fd, 0) == $at) {
    for (my $one = 0; $one < $size; $one += $page) {
      sysseek($file, $one, 0);
      syswrite($file, "\\0");
    }
    syscall($advise, $at, $size, ${collapse});
  }
  syscall($unmap, $room, $size + $page);
}
$| = 1;
print "$fd\\n";
exit 0 unless defined(<STDIN>);
fcntl($file, ${addSeals}, ${seals}) or die "seal: $!\\n";
print "sealed\\n";
<STDIN>;
`;

const refused = (why: unknown) =>
  failedForNow(
    'The host could not make memory that machines share. It needs Perl (Debian: sudo apt-get install perl-base) and Linux 4.14 or later.',
    { detail: String(why) },
  );

export class SharedMemory {
  readonly bytes: number;
  /** Open for writing until it is sealed. */
  #file: FileHandle;
  #maker: ChildProcess;
  #answers: AsyncIterator<string>;
  #path: string;

  private constructor(
    file: FileHandle,
    path: string,
    bytes: number,
    maker: ChildProcess,
    answers: AsyncIterator<string>,
  ) {
    this.#file = file;
    this.#path = path;
    this.bytes = bytes;
    this.#maker = maker;
    this.#answers = answers;
  }

  /**
   * Makes memory that is empty and not sealed. Throws `unavailable` when the host cannot. With
   * `large` the kernel gives all of it at once, in large pages, where it can and has enough: with
   * small ones a guest computes slower, since the processor looks up more addresses.
   */
  static async make(bytes: number, { large = false } = {}): Promise<SharedMemory> {
    const numbers = calls[process.arch];
    if (numbers === undefined) throw refused(`no call is known for ${process.arch}`);
    const isLarge = large && bytes < freemem() * largeShareMax;
    const args = [bytes, Number(isLarge), ...numbers].map(String);
    const maker = spawn('perl', ['-e', program, ...args], {
      env: { PATH: systemPath },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let said = '';
    maker.on('error', (error) => {
      said ||= String(error);
    });
    maker.stdin.on('error', () => {});
    maker.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(0, 1000);
    });
    const answers = createInterface({ input: maker.stdout })[Symbol.asyncIterator]();
    try {
      const fd = await answer(answers, answerMs + (isLarge ? bytes / emptiedBytesPerMs : 0));
      const path = `/proc/${maker.pid}/fd/${Number(fd)}`;
      return new SharedMemory(await open(path, 'r+'), path, bytes, maker, answers);
    } catch (error) {
      maker.kill('SIGKILL');
      throw refused(said || error);
    }
  }

  /** The descriptor to hand to a process. */
  get fd(): number {
    return this.#file.fd;
  }

  /** The memory's file; writing to it works only until it is sealed. */
  get file(): FileHandle {
    return this.#file;
  }

  /**
   * After this nothing writes to it any more. Throws while a process has it mapped for writing.
   */
  async seal(): Promise<void> {
    try {
      this.#maker.stdin?.write('seal\n');
      if ((await answer(this.#answers)) !== 'sealed') throw new Error('it was not sealed');
      const sealed = await open(this.#path, 'r');
      await this.#file.close();
      this.#file = sealed;
    } catch (error) {
      throw refused(error);
    } finally {
      this.#maker.kill('SIGKILL');
    }
  }

  /** Processes that have mapped it keep it. */
  async close(): Promise<void> {
    this.#maker.kill('SIGKILL');
    await this.#file.close();
  }
}

/** The next line of the program. */
async function answer(answers: AsyncIterator<string>, limitMs = answerMs): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    const { value, done } = await Promise.race([answers.next(), limit]);
    if (done === true) throw new Error('the program ended');
    return value;
  } finally {
    clearTimeout(timer);
  }
}

// Memory that processes share and none can change any more: a file that exists in memory alone and
// is sealed against writing (memfd_create(2)). QEMU opens the file of a guest's memory for writing,
// also where it maps it privately, so a file on a disk would let a guest that has taken over its
// QEMU write into the memory of all others. Node has no call for such files, so a small program of
// Perl, which every Debian has, makes and seals them.

import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { failedForNow } from '../../domain/error.ts';
import { systemPath } from '../../lib/spawn.ts';

/** The numbers of memfd_create, by processor. */
const memfdCreate: Partial<Record<NodeJS.Architecture, number>> = { x64: 319, arm64: 279 };
/** MFD_CLOEXEC and MFD_ALLOW_SEALING. */
const flags = 3;
/** F_ADD_SEALS: no more seals, no other length, no writing. */
const [addSeals, seals] = [1033, 15];
const answerMs = 10_000;

const program = `my ($call, $size) = map { $_ + 0 } @ARGV;
my $name = 'silversmith-memory';
my $fd = syscall($call, $name, ${flags});
die "memfd_create: $!\\n" if $fd < 0;
open(my $file, '+<&=', $fd) or die "open: $!\\n";
truncate($file, $size) or die "truncate: $!\\n";
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

  /** Makes memory that is empty and not sealed. Throws `unavailable` when the host cannot. */
  static async make(bytes: number): Promise<SharedMemory> {
    const number = memfdCreate[process.arch];
    if (number === undefined) throw refused(`no call is known for ${process.arch}`);
    const maker = spawn('perl', ['-e', program, String(number), String(bytes)], {
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
      const fd = await answer(answers);
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
async function answer(answers: AsyncIterator<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${answerMs} ms`)), answerMs);
  });
  try {
    const { value, done } = await Promise.race([answers.next(), limit]);
    if (done === true) throw new Error('the program ended');
    return value;
  } finally {
    clearTimeout(timer);
  }
}

// The part of the library ext2fs that is used here. It has no types of its own.

declare module 'ext2fs' {
  interface Disk {
    read(
      target: Buffer,
      targetAt: number,
      length: number,
      offset: number,
    ): Promise<{ bytesRead: number; buffer: Buffer }>;
    write(
      source: Buffer,
      sourceAt: number,
      length: number,
      offset: number,
    ): Promise<{ bytesWritten: number; buffer: Buffer }>;
    discard(offset: number, length: number): Promise<void>;
    flush(): Promise<void>;
  }

  /** Opens the file system that begins at an offset of the disk. */
  export function mount(
    disk: Disk,
    offset: number,
  ): Promise<{
    promises: {
      stat(path: string): Promise<{ size: number; isFile(): boolean }>;
      readdir(path: string): Promise<string[]>;
      open(path: string, flags: 'r'): Promise<{ fd: number }>;
      read(
        fd: number,
        target: Buffer,
        targetAt: number,
        length: number,
        offset: number,
      ): Promise<{ bytesRead: number }>;
      close(fd: number): Promise<void>;
    };
  }>;
}

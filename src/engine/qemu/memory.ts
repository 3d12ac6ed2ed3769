// The arguments that give a guest its memory. That of a template is a file which its process
// shares, so that it stays when the process ends. A clone maps the same file privately: it reads
// the pages of the file, and has a page of its own as soon as it writes to it. The kernel maps
// large pages only where the address fits them.

/** The descriptor on which QEMU gets the file of its memory; see shared-memory.ts. */
export const memoryFd = 3;
/** The descriptor from which a clone reads the state of its devices. */
export const stateFd = 4;

export type MemoryKind = 'own' | 'template' | 'clone';

export function memoryArgs(memoryMb: number, kind: MemoryKind): string[] {
  const size = ['-m', String(memoryMb)];
  if (kind === 'own') return size;
  const file = `size=${memoryMb}M,align=2M,mem-path=/proc/self/fd/${memoryFd}`;
  const share = kind === 'template' ? 'on' : 'off';
  return [
    ...size,
    ...['-object', `memory-backend-file,id=memory,${file},share=${share}`],
    ...['-machine', 'memory-backend=memory'],
    ...(kind === 'clone' ? ['-incoming', 'defer'] : []),
  ];
}

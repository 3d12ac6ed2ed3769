// Sizes of disks, for people.

/** GiB to one decimal, such as `4 GiB` and `2.5 GiB`. */
export const gib = (bytes: number): string => `${Math.round((bytes / 1024 ** 3) * 10) / 10} GiB`;

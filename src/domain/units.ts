// Units of sizes.

/** One GB, as the service counts it: 2^30 bytes. */
export const gbBytes = 1024 ** 3;

// Texts that are kept packed: gzip, as base64.

import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const [zip, unzip] = [promisify(gzip), promisify(gunzip)];

export const packText = async (text: string): Promise<string> =>
  (await zip(text)).toString('base64');

/** Throws when it unpacks to more than `bytesMax`, or is not packed. */
export const unpackText = async (packed: string, bytesMax: number): Promise<string> =>
  (await unzip(Buffer.from(packed, 'base64'), { maxOutputLength: bytesMax })).toString();

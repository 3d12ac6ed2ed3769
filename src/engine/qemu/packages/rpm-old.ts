// Reads the headers of packages in the older databases of rpm: the hash of Berkeley DB (before
// 2020) and rpm's own form (`ndb`, as SUSE has it). Both were written by a guest.

const headersMax = 100_000;
const headerBytesMax = 32 * 1024 ** 2;
const leastHeaderBytes = 16;
const damaged = (what: string) => new Error(`it is damaged: ${what}`);

const hashMagic = 0x00061561;
const pageHeadBytes = 26;
const pageTypes = { oldHash: 2, overflow: 7, hash: 13 };
const itemTypes = { inPage: 1, onOtherPages: 3 };

/** The values of a hash of Berkeley DB that can be headers. Throws an Error for a damaged one. */
export function berkeleyHeaders(file: Buffer): Buffer[] {
  if (file.length < 512) throw damaged('it has no head');
  const isLittle = file.readUInt32LE(12) === hashMagic;
  if (!isLittle && file.readUInt32BE(12) !== hashMagic) throw damaged('it is no hash');
  const word = (from: Buffer, at: number) =>
    isLittle ? from.readUInt32LE(at) : from.readUInt32BE(at);
  const half = (from: Buffer, at: number) =>
    isLittle ? from.readUInt16LE(at) : from.readUInt16BE(at);
  const pageBytes = word(file, 20);
  if (pageBytes < 512 || pageBytes > 65_536 || pageBytes % 512 !== 0)
    throw damaged('the size of its pages');
  const pages = Math.floor(file.length / pageBytes);
  const pageAt = (number: number) => {
    if (number < 1 || number >= pages) throw damaged(`it names page ${number}`);
    return file.subarray(number * pageBytes, (number + 1) * pageBytes);
  };
  let budget = pages;

  const onOtherPages = (item: Buffer): Buffer => {
    const bytes = word(item, 8);
    if (bytes > headerBytesMax) throw damaged('the size of an entry');
    const parts: Buffer[] = [];
    let have = 0;
    for (let number = word(item, 4); number !== 0 && have < bytes; ) {
      // Each page belongs to one entry.
      if (--budget < 0) throw damaged('its pages go round in a circle');
      const page = pageAt(number);
      if (page.readUInt8(25) !== pageTypes.overflow) throw damaged('an entry');
      const part = page.subarray(
        pageHeadBytes,
        pageHeadBytes + Math.min(half(page, 22), bytes - have),
      );
      parts.push(part);
      have += part.length;
      number = word(page, 16);
    }
    return Buffer.concat(parts);
  };

  const found: Buffer[] = [];
  for (let number = 1; number < pages; number++) {
    const page = pageAt(number);
    const type = page.readUInt8(25);
    if (type !== pageTypes.hash && type !== pageTypes.oldHash) continue;
    const count = half(page, 20);
    if (pageHeadBytes + count * 2 > pageBytes) throw damaged('a page');
    // Keys and values follow each other; the data grows from the end of the page.
    for (let index = 1; index < count; index += 2) {
      const at = half(page, pageHeadBytes + index * 2);
      const end = half(page, pageHeadBytes + (index - 1) * 2);
      if (at + 1 > end || end > pageBytes) throw damaged('a page');
      const item = page.subarray(at, end);
      const kind = item.readUInt8(0);
      if (kind === itemTypes.inPage) found.push(item.subarray(1));
      else if (kind === itemTypes.onOtherPages && item.length >= 12) found.push(onOtherPages(item));
      if (found.length > headersMax) throw damaged('it has too many entries');
    }
  }
  return found.filter(({ length }) => length >= leastHeaderBytes);
}

const [slotBytes, blockBytes, slotPageBytes] = [16, 16, 4096];

/** The headers in a database of rpm's own form. Throws an Error for a damaged one. */
export function ndbHeaders(file: Buffer): Buffer[] {
  if (file.length < slotPageBytes || file.toString('latin1', 0, 4) !== 'RpmP')
    throw damaged('it has no head');
  const end = Math.min(file.length, file.readUInt32LE(12) * slotPageBytes);
  const found: Buffer[] = [];
  let left = file.length;
  // The head takes the place of the first two slots.
  for (let at = 2 * slotBytes; at + slotBytes <= end; at += slotBytes) {
    if (file.toString('latin1', at, at + 4) !== 'Slot') throw damaged('a slot');
    const place = file.readUInt32LE(at + 8) * blockBytes;
    if (file.readUInt32LE(at + 4) === 0 || place === 0) continue;
    if (place + 16 > file.length || file.toString('latin1', place, place + 4) !== 'BlbS')
      throw damaged('an entry');
    const bytes = file.readUInt32LE(place + 12);
    left -= bytes;
    if (bytes > headerBytesMax || place + 16 + bytes > file.length || left < 0)
      throw damaged('the size of an entry');
    found.push(file.subarray(place + 16, place + 16 + bytes));
    if (found.length > headersMax) throw damaged('it has too many entries');
  }
  return found;
}

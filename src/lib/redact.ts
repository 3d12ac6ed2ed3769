// Takes secrets out of what is written down. A secret may come with the message of a library, with
// what a program printed, or with what a caller sent, so it is known by its form: nobody has to
// remember where it may be.

const redacted = '[redacted]';

/** The longest text that is kept; the rest is cut off. */
const charactersMax = 16 * 1024;
/** Values that are nested deeper are left out. */
const depthMax = 12;

/** The name of a secret, and what stands between it and its value. */
const named = [
  '(?:pass(?:word|wd|phrase)|secret|token|authorization|cookie|(?:api|master)[_-]?key)',
  String.raw`["'\\]{0,8}\s{0,4}(?:=>|[:=])\s{0,4}`,
].join('');

/** Each with what stands in its place. */
const forms: readonly (readonly [RegExp, string])[] = [
  // The header of a signed request, with or without its name: the key may stay, as it is no secret.
  [/\b([\w-]{1,128}):[\da-fA-F]{64}:[^:\s"]{1,256}:\d{13}\b/g, `$1:${redacted}`],
  [/\b(HMAC|Basic|Bearer)\s+(?!\{)[\w.~+/=:-]{16,}/gi, `$1 ${redacted}`],
  // The password in the address of a database. It may be written as it is, with any character, so
  // it goes to the last @ of the line.
  [/\b(postgres(?:ql)?:\/\/[^\s:/@"']{0,256}):[^\n"]{1,512}@/gi, `$1:${redacted}@`],
  // The password in the address of an Incus or a proxy; a port has no @ behind its path.
  [
    /\b([a-z][a-z\d+.-]{1,30}:\/\/[^\s:/@"']{0,256}):(?!\d{1,5}[/?#])[^\s"']{1,512}@/gi,
    `$1:${redacted}@`,
  ],
  [/\/access\/[\w-]+/g, `/access/${redacted}`],
  [/\bwhsec_[\w+/=-]+/g, redacted],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
  // A name and its value in quotes, also in JSON within JSON, to the same quotes or to the end.
  [new RegExp(`(${named})(\\\\*["'])[\\s\\S]*?(?:(?<!\\\\)\\2|$)`, 'gi'), `$1$2${redacted}$2`],
  // A name and its value without quotes, perhaps behind the scheme of a header.
  [new RegExp(`(${named})(?:(?:HMAC|Basic|Bearer) +)?[^\\s"'\\\\,;&}[]+`, 'gi'), `$1${redacted}`],
  // Secrets of keys and of links are 32 random bytes, as base64url without padding.
  [/(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43}(?![\w-])/g, redacted],
];

const secretNames =
  /(authorization|cookie|passw(or)?d|passphrase|secret|tokens?|(api|master|private|secret)_?key)$/i;

/** How often a text may be encoded within another, such as an address in an address. */
const encodingsMax = 3;

/** The text with its visible characters as they are, where an address has them encoded. */
const decoded = (text: string): string =>
  text.replaceAll(/%(?:2[0-9a-f]|[3-6][0-9a-f]|7[0-9a-e])/gi, (code) =>
    String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  );

/** The beginning of a long text, without the word in which it is cut: half a secret has no form. */
const beginningOf = (text: string): string =>
  text.slice(0, charactersMax).replace(/\S{1,1024}$/, '');

function withoutSecrets(text: string, secrets: readonly string[]): string {
  let safe = text;
  for (const secret of secrets) safe = safe.replaceAll(secret, redacted);
  for (const [form, instead] of forms) safe = safe.replace(form, instead);
  return safe;
}

/** The text with the secrets that are known by their form, and the given ones, replaced. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  const kept = text.length > charactersMax ? beginningOf(text) : text;
  let safe = withoutSecrets(kept, secrets);
  let plain = safe;
  for (let times = 0; times < encodingsMax && plain.includes('%'); times++) {
    plain = decoded(plain);
    const found = withoutSecrets(plain, secrets);
    // A text without a secret stays as it was written.
    if (found !== plain) [safe, plain] = [found, found];
  }
  const cut = text.length - kept.length;
  return cut === 0 ? safe : `${safe} … and ${cut} characters more`;
}

/** The same for all texts of a value that is to become JSON, and for fields with a telling name. */
export function redact(value: unknown, secrets: readonly string[] = [], depth = 0): unknown {
  if (typeof value === 'string') return redactText(value, secrets);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > depthMax) return '[nested too deep]';
  if (Array.isArray(value)) return value.map((one) => redact(one, secrets, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      redactText(name, secrets),
      secretNames.test(name) ? redacted : redact(one, secrets, depth + 1),
    ]),
  );
}

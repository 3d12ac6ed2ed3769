// Takes secrets out of what is written down. A secret may come with the message of a library, with
// what a program printed, or with what a caller sent, so it is known by its form: nobody has to
// remember where it may be.

const redacted = '[redacted]';

/** The longest text that is kept; the rest is cut off. */
const charactersMax = 16 * 1024;
/** What is nested deeper is left out. */
const depthMax = 12;

/** Each with what stands in its place. */
const forms: readonly (readonly [RegExp, string])[] = [
  // The header of a signed request, with or without its name: the key may stay, as it is no secret.
  [/\b([\w-]{1,128}):[\da-fA-F]{64}:[^:\s"]{1,256}:\d{13}\b/g, `$1:${redacted}`],
  [/\b(HMAC|Basic|Bearer)\s+(?!\{)[\w.~+/=:-]{16,}/gi, `$1 ${redacted}`],
  // The password in the address of a database, an Incus or a proxy.
  [/\b([a-z][a-z\d+.-]{1,30}:\/\/[^\s:/@"']{0,256}):[^\s/"']{1,512}@/gi, `$1:${redacted}@`],
  [/\/access\/[\w-]+/g, `/access/${redacted}`],
  [/\bwhsec_[\w+/=-]+/g, redacted],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, redacted],
  // A name and its value, also in JSON within JSON.
  [
    /((?:pass(?:word|wd|phrase)|secret|token|authorization|master[_-]?key)["'\\]{0,4}\s?[:=]\s?["'\\]{0,4})[^\s"'\\,;&}]+/gi,
    `$1${redacted}`,
  ],
  // Secrets of keys and of links are 32 random bytes, as base64url without padding.
  [/(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43}(?![\w-])/g, redacted],
];

const secretNames =
  /^(authorization|cookie|set-cookie|password|passphrase|secret|token|tokens|private_?key)$/i;

/** The text with the secrets that are known by their form, and the given ones, replaced. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let safe =
    text.length > charactersMax
      ? `${text.slice(0, charactersMax)} … and ${text.length - charactersMax} characters more`
      : text;
  for (const secret of secrets) safe = safe.replaceAll(secret, redacted);
  for (const [form, instead] of forms) safe = safe.replace(form, instead);
  return safe;
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

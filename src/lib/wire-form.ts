// The form that values of the operator's commands have on the wire: fields in snake_case, and each
// time, which is in ms in a field that ends in `At`, as a date-time.

type Snake<Text extends string> = Text extends `${infer Head}${infer Rest}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${Snake<Rest>}`
  : '';

type Time<Value> = Value extends number ? string : Value;

type Plain = string | number | boolean | null | undefined;

type WireForm<Value> = Value extends Plain
  ? Value
  : Value extends readonly (infer Item)[]
    ? WireForm<Item>[]
    : {
        [Key in keyof Value & string as Snake<Key>]: Key extends `${string}At`
          ? Time<Value[Key]>
          : WireForm<Value[Key]>;
      };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const mapped = (
  value: unknown,
  field: (name: string, value: unknown) => [string, unknown],
): unknown => {
  if (Array.isArray(value)) return value.map((one) => mapped(one, field));
  if (!isRecord(value)) return value;
  const fields = Object.entries(value).map(([name, inner]) => field(name, mapped(inner, field)));
  return Object.fromEntries(fields);
};

/** The value as it is sent. */
export const toWire = <Value>(value: Value): WireForm<Value> =>
  mapped(value, (name, inner) => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    name.endsWith('At') && typeof inner === 'number' ? new Date(inner).toISOString() : inner,
  ]) as WireForm<Value>;

/** The value that was sent in this form. */
export const fromWire = <Value>(value: unknown): Value =>
  mapped(value, (name, inner) => [
    name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    name.endsWith('_at') && typeof inner === 'string' ? Date.parse(inner) : inner,
  ]) as Value;

/** Values as both databases keep them, and back. */

/**
 * PostgreSQL takes no NUL and neither takes half a surrogate pair: both become U+FFFD, in filters too. Inside
 * JSON they are written as escapes and come back as they were.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u{FFFD}");
}

/** In milliseconds and UTC on both, so that text sorts as times do. */
export function time(value: string | Date): string {
  return new Date(value).toISOString();
}

export function json(value: object): string;
export function json(value: unknown): string | null;
export function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value, withoutBigints);
}

/** JSON has no word for them; as text no digit is lost. */
function withoutBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

export function parsed<Value>(text: string | null): Value | undefined {
  return text === null ? undefined : JSON.parse(text);
}

export function optional<From, To>(value: From | null | undefined, convert: (value: From) => To): To | null {
  return value === null || value === undefined ? null : convert(value);
}

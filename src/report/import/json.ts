/** What a program of another's making wrote, read with no trust in its shape. */
export type Json = unknown;
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * One JSON document or several on their own lines, which is how vLLM appends. Python writes NaN and
 * Infinity bare, which JSON does not know; they are read as no figure.
 */
export function parseDocuments(text: string): readonly Json[] | undefined {
  const whole = parsed(text);
  if (whole !== undefined) return Array.isArray(whole.value) ? whole.value : [whole.value];
  const lines = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .map(parsed);
  return lines.length > 0 && lines.every((line) => line !== undefined)
    ? lines.map((line) => line.value)
    : undefined;
}

/** The value at a path, where every step of it is there; a list's steps are "0", "1", … */
export function at(value: Json, ...path: readonly string[]): Json {
  let here = value;
  for (const step of path) {
    const within = typeof here === "object" && here !== null ? (here as JsonObject) : undefined;
    here = within !== undefined && Object.hasOwn(within, step) ? within[step] : undefined;
  }
  return here;
}

/** A finite number, also where it was written as text (GenAI-Perf did); anything else is no figure. */
export function number(value: Json): number | undefined {
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof read === "number" && Number.isFinite(read) ? read : undefined;
}

/** A figure: nothing that is measured here is below 0. */
export function amount(value: Json): number | undefined {
  const read = number(value);
  return read === undefined || read < 0 ? undefined : read;
}

/** So many of something. */
export function count(value: Json): number | undefined {
  const read = amount(value);
  return Number.isSafeInteger(read) ? read : undefined;
}

export function string(value: Json): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): { readonly value: Json } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    try {
      return { value: JSON.parse(text.replace(BARE, (token) => (token.startsWith('"') ? token : "null"))) };
    } catch {
      return undefined;
    }
  }
}

/** Strings are matched too, so that the words inside them are left alone. */
const BARE = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

import * as z from "zod/mini";
import { NS_PER_S, parseDuration } from "../units.ts";

/**
 * What settings are made of. Each reads one value, text or typed, or says what would be right;
 * `undefined` from a reader means "wrong".
 */

export type Reader<T> = (value: unknown) => T | undefined;

function field<T>(read: Reader<T>, right: string) {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): T => {
      const result = read(value);
      if (result !== undefined) return result;
      context.issues.push({ code: "custom", input: value, message: `should be ${right}.` });
      return z.NEVER;
    }),
  );
}

export function single<T>(read: Reader<T>, right: string) {
  return field(read, right);
}

/** A setting with a small language of its own, whose parser says what would be right. */
export function parsed<T>(parse: (text: string) => T | { readonly message: string }) {
  return z.pipe(
    z.unknown(),
    z.transform((value, context): T => {
      const result = parse(String(value));
      if (typeof result !== "object" || result === null || !("message" in result)) return result;
      context.issues.push({ code: "custom", input: value, message: result.message });
      return z.NEVER;
    }),
  );
}

export function flag() {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false, yes: true, no: false };
  return field((value) => words[String(value)], "true or false");
}

export function list<T>(read: Reader<T>, right: string) {
  return field<readonly T[]>((value) => {
    const items = Array.isArray(value) ? value : typeof value === "string" ? value.split(",") : [value];
    const read1 = items.map((item) => read(item));
    return read1.length > 0 && read1.every((item) => item !== undefined) ? (read1 as T[]) : undefined;
  }, right);
}

export function text(right: string, check: (text: string) => boolean = (text) => text.trim() !== "") {
  return field((value) => (typeof value === "string" && check(value) ? value.trim() : undefined), right);
}

export function choice<const T extends string>(words: readonly T[]) {
  return field((value) => words.find((word) => word === value), `one of ${words.join(", ")}`);
}

export function lines() {
  return field<readonly string[]>(
    (value) =>
      typeof value === "string" || (Array.isArray(value) && value.every((item) => typeof item === "string"))
        ? objectiveLines(value)
        : undefined,
    "objectives, one a line, for example ttft_p95 < 500ms",
  );
}

function number(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

export function count(min: number): Reader<number> {
  return (value) => {
    const n = number(value);
    return n !== undefined && Number.isSafeInteger(n) && n >= min ? n : undefined;
  };
}

export function positive(): Reader<number> {
  return (value) => {
    const n = number(value);
    return n !== undefined && Number.isFinite(n) && n > 0 ? n : undefined;
  };
}

/** Nanoseconds; a bare number is seconds. */
export function duration(): Reader<number> {
  return (value) => {
    const seconds = number(value);
    const ns =
      seconds !== undefined
        ? seconds * NS_PER_S
        : typeof value === "string"
          ? parseDuration(value)
          : undefined;
    return ns !== undefined && ns > 0 ? ns : undefined;
  };
}

/** "10%" and 0.1 alike. */
export function share(): Reader<number> {
  return (value) => {
    const percent = typeof value === "string" ? /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(value)?.[1] : undefined;
    const n = percent === undefined ? number(value) : Number(percent) / 100;
    return n !== undefined && n > 0 && n <= 1 ? n : undefined;
  };
}

/** A workflow's number of a run comes as one. */
export function salt(): Reader<string> {
  return (value) =>
    (typeof value === "string" || typeof value === "number") && /^[\w.-]{1,200}$/.test(String(value))
      ? String(value)
      : undefined;
}

export function metricsUrl(): Reader<string> {
  return (value) =>
    typeof value === "string" && (value.trim() === "off" || checkUrl(value)) ? value.trim() : undefined;
}

export function confidence(): Reader<number | "none"> {
  return (value) => {
    if (value === "none") return value;
    const n = number(value);
    return n !== undefined && n > 0.5 && n < 1 ? n : undefined;
  };
}

/** Credentials in a URL would end up in every report. */
export function checkUrl(text: string): boolean {
  if (!URL.canParse(text.trim())) return false;
  const { protocol, username, password } = new URL(text.trim());
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

/** A list, or one text with an objective a line; empty lines and # comments are passed over. */
export function objectiveLines(value: unknown): string[] {
  const texts = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  return texts
    .filter((text) => typeof text === "string")
    .flatMap((text) => text.split(/\r?\n|;/))
    .map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "");
}

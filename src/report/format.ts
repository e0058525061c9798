import type { ObjectiveResult } from "../result.ts";

/** How figures are written: three significant digits, unit after, the same words in every form of report. */

export type Unit = ObjectiveResult["unit"];

/** What is written where nothing was measured. */
export const ABSENT = "–";

/**
 * 431.72 ms → "432 ms", 0.0123 ratio → "1.23 %". `beside` are figures it will be compared with by eye:
 * digits are added until it stands on its true side of each, so "500.3 ms" is never shown as 500 ms
 * against a limit of 500 ms.
 */
export function formatValue(value: number | undefined, unit: Unit, beside: readonly number[] = []): string {
  if (value === undefined || !Number.isFinite(value)) return ABSENT;
  const scale = scaleOf(unit, [value]);
  return `${scaled(value, scale, beside)}${scale.suffix}`;
}

/** A figure that was chosen, not measured, has no digits to show: 500 ms, 5 s, 95 %. */
export function formatLimit(value: number, unit: Unit): string {
  const scale = scaleOf(unit, [value]);
  return `${grouped(Number((value * scale.factor).toPrecision(MOST_DIGITS)), 9)}${scale.suffix}`;
}

/** So many times apart, two latencies in one unit are hard to read. */
const FAR_APART = 60;

/** [412, 455] ms → "412 … 455 ms"; a side without a bound leaves "≥ 412 ms" or "≤ 455 ms". */
export function formatInterval(
  interval: readonly [number | null, number | null] | undefined,
  unit: Unit,
  beside: readonly number[] = [],
): string {
  if (interval === undefined) return ABSENT;
  const [low, high] = interval;
  if (low === null && high === null) return "no bound";
  if (low === null) return `≤ ${formatValue(high!, unit, beside)}`;
  if (high === null) return `≥ ${formatValue(low, unit, beside)}`;
  if (unit === "ms" && low > 0 && high > FAR_APART * low)
    return `${formatValue(low, unit, beside)} … ${formatValue(high, unit, beside)}`;
  const scale = scaleOf(unit, [low, high]);
  return `${scaled(low, scale, beside)} … ${scaled(high, scale, beside)}${scale.suffix}`;
}

/** Milliseconds without the unit, for columns that carry it in their head. */
export function formatBareMs(ms: number | undefined): string {
  return ms === undefined || !Number.isFinite(ms) ? ABSENT : digits(ms, 3);
}

/** A count is exact: 12345 → "12,345". */
export function formatCount(count: number | undefined): string {
  return count === undefined || !Number.isFinite(count) ? ABSENT : grouped(count, 0);
}

/** A rate without its unit, three significant digits. */
export function formatRate(rate: number | undefined): string {
  return rate === undefined || !Number.isFinite(rate) ? ABSENT : digits(rate, 3);
}

/** 92.4 → "1 min 32 s", 8.25 → "8.25 s". */
export function formatSeconds(seconds: number): string {
  if (seconds < 59.95) return formatLimit(Number(seconds.toPrecision(3)) * 1000, "ms");
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** "2026-03-14T09:26:53.000Z" → "2026-03-14 09:26:53 UTC"; anything else stays as it is. */
export function formatMoment(iso: string): string {
  return iso.replace(/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.\d+)?Z$/, "$1 $2 UTC");
}

/** 0.9512 → "95.1 %"; never rounded to a full 100 % or to 0 % when it is neither. */
export function formatShare(ratio: number | undefined): string {
  return formatValue(ratio, "ratio", [0, 1]);
}

/** "1 request", "12 requests". */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** For a sentence that begins with a word of the code. */
export function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** ["a", "b", "c"] → "a, b and c". */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

interface Scale {
  readonly factor: number;
  readonly suffix: string;
}

function scaleOf(unit: Unit, values: readonly number[]): Scale {
  switch (unit) {
    case "ms":
      return scaleOfMs(Math.max(...values.map(Math.abs)));
    case "ratio":
      return { factor: 100, suffix: " %" };
    case "1/s":
      return { factor: 1, suffix: "/s" };
    case "tok/s":
      return { factor: 1, suffix: " tok/s" };
    case "requests":
      return { factor: 1, suffix: values.length === 1 && values[0] === 1 ? " request" : " requests" };
    default:
      return unit satisfies never;
  }
}

function scaleOfMs(size: number): Scale {
  // The edges are where three digits round up, so that 999.7 ms is "1 s" and not "1,000 ms".
  if (size >= 59_950) return { factor: 1 / 60_000, suffix: " min" };
  if (size >= 999.5) return { factor: 1 / 1000, suffix: " s" };
  if (size >= 0.9995 || size === 0) return { factor: 1, suffix: " ms" };
  return { factor: 1000, suffix: " µs" };
}

const FEWEST_DIGITS = 3;
const MOST_DIGITS = 6;

function scaled(value: number, { factor }: Scale, beside: readonly number[]): string {
  for (let count = FEWEST_DIGITS; count <= MOST_DIGITS; count++) {
    if (beside.every((other) => sameSide(value * factor, other * factor, count))) {
      return digits(value * factor, count);
    }
  }
  // Closer than a millionth is the same figure to any reader.
  return digits(value * factor, FEWEST_DIGITS);
}

function sameSide(value: number, other: number, count: number): boolean {
  return Math.sign(Number(value.toPrecision(count)) - other) === Math.sign(value - other);
}

/** Trailing zeros stay: they say how finely it was measured. */
function digits(value: number, count: number): string {
  const rounded = Number(value.toPrecision(count));
  if (rounded === 0) return "0";
  const decimals = Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return grouped(rounded, Math.min(decimals, 9), true);
}

/** Thousands apart; done by hand because a locale's data may differ between machines. */
function grouped(value: number, decimals: number, keepZeros = false): string {
  const [whole = "0", fraction = ""] = Math.abs(value).toFixed(decimals).split(".");
  const kept = keepZeros ? fraction : fraction.replace(/0+$/, "");
  const sign = value < 0 ? "-" : "";
  return `${sign}${whole.replaceAll(/\B(?=(\d{3})+$)/g, ",")}${kept === "" ? "" : `.${kept}`}`;
}

/** Time inside the engine is integer nanoseconds; these are the only places it changes unit. */
export const NS_PER_MS = 1e6;
export const NS_PER_S = 1e9;

const DURATION = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)$/;
const NS_PER: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: NS_PER_MS,
  s: NS_PER_S,
  m: 60 * NS_PER_S,
  h: 3600 * NS_PER_S,
};

/** "10s", "1.5m", "500ms" → nanoseconds; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text.trim());
  return match ? Math.round(Number(match[1]) * NS_PER[match[2]!]!) : undefined;
}

/** 0.5123 → "512 µs", 712.3 → "712 ms", 3210 → "3.21 s": three significant digits. */
export function formatMs(ms: number): string {
  const size = Math.abs(ms);
  if (size >= 60_000) return `${trim(ms / 60_000)} min`;
  if (size >= 1000) return `${trim(ms / 1000)} s`;
  if (size >= 1 || size === 0) return `${trim(ms)} ms`;
  return `${trim(ms * 1000)} µs`;
}

/** 0.9532 → "95.3 %". */
export function formatRatio(ratio: number): string {
  return `${trim(ratio * 100)} %`;
}

/** 1234.5 → "1,230": three significant digits, thousands apart. */
export function formatNumber(value: number): string {
  return trim(value);
}

function trim(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "-∞" : "–";
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

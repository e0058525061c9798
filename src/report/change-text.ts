import type { MetricChange } from "../result.ts";
import { ABSENT } from "./format.ts";

/** "+12.0 %" of the base, or "+1.20 points" where the figure itself is a share. */
export function changeText(change: MetricChange): string {
  if (change.unit === "ratio") return `${signed(change.head - change.base)} points`;
  return change.ratio === undefined ? ABSENT : `${signed(change.ratio - 1)} %`;
}

/** "+8.10 … +16.0 %"; a side without a bound leaves "≥ +8.10 %". */
export function intervalText(change: MetricChange): string {
  if (change.interval === undefined) return ABSENT;
  const [lower, upper] = change.interval.map((bound) =>
    bound === null ? undefined : signed(change.unit === "ratio" ? bound : bound - 1),
  );
  const unit = change.unit === "ratio" ? "points" : "%";
  if (lower === undefined && upper === undefined) return "no bound";
  if (lower === undefined) return `≤ ${upper} ${unit}`;
  if (upper === undefined) return `≥ ${lower} ${unit}`;
  return `${lower} … ${upper} ${unit}`;
}

/** Hundredths with a sign, three digits at most and two decimals at most: a change is never known finer. */
function signed(ratio: number): string {
  const value = ratio * 100;
  const size = Math.abs(value);
  const text = size.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
  if (Number(text) === 0) return "±0";
  return `${value > 0 ? "+" : "−"}${text}`;
}

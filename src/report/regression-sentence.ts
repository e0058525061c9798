import { worseningOf } from "../judge/compare.ts";
import type { Regressed } from "../judge/regressions.ts";
import { terminalText } from "./escape.ts";

/** "ttft_p95 at concurrency 4 is worse by 23 %, at least 12 %", safe to print. */
export function regressionSentence({ level, change }: Regressed): string {
  const { observed, interval } = worseningOf(change);
  const size = change.unit === "ratio" ? percentagePoints : percent;
  const least = interval[0] === undefined ? "" : `, at least ${size(interval[0])}`;
  const estimate = observed === undefined ? "" : ` by ${size(observed)}`;
  return `${change.metric} at ${terminalText(level, 100)} is worse${estimate}${least}`;
}

export function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(3))} %`;
}

/** A share of shares would be read as one: "1 percentage point". */
export function percentagePoints(difference: number): string {
  const size = Number((difference * 100).toPrecision(3));
  return `${size} percentage point${size === 1 ? "" : "s"}`;
}

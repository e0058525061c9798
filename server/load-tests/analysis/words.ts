import type { Advice } from "./facts.ts";

/** Everything a report says, in one language; texts it is handed are harmless already. */
export interface AnalysisWords {
  readonly measured: string;
  readonly goodput: string;
  readonly latency: string;
  readonly throughput: string;
  readonly errors: string;
  readonly advice: string;
  /** Heading of what a model adds. */
  readonly model: string;
  readonly load: string;
  readonly goodOfAll: string;
  concurrency(requests: number): string;
  subject(model: string, server: string, adapter: string): string;
  amount(levels: readonly string[], requests: number, seconds: number | null): string;
  ending(status: string, error: string | undefined): string;
  finding(level: "note" | "invalid", at: string | undefined, happened: string): string;
  readonly noThresholds: string;
  thresholds(thresholds: readonly string[], target: number): string;
  kept(kept: string | undefined, broken: string | undefined, target: number): string;
  growth(name: string, times: number): string;
  readonly saturationUnknown: string;
  saturated(load: string, tokensPerSecond: string): string;
  growing(load: string, tokensPerSecond: string): string;
  readonly noRequests: string;
  errorRate(percent: string, failed: number, total: number): string;
  adviceOf(advice: Advice): string;
  /** What a model is asked for; the report follows. */
  readonly question: string;
}

/** Never 0 or 100 unless it is that. */
export function percentage(value: number): string {
  const isRoundedAway = (text: string) => (text === "0" || text === "100") && Number(text) !== value;
  const text = figure(value);
  if (!isRoundedAway(text)) return text;
  const decimals = 1 - Math.floor(Math.log10(Math.min(value, 100 - value)));
  return String(Number(value.toFixed(Math.min(decimals, 20))));
}

/** Three digits are more than a load test tells, and small figures need their decimals; a dash is not measured. */
export function figure(value: number | null | undefined): string {
  if (value == null) return "–";
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(decimals)));
}

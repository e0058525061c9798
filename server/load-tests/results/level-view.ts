import type { z } from "zod";
import type { LevelResult } from "../../../src/index.ts";
import type { levelAnswer } from "./result-schema.ts";

type LevelView = z.input<typeof levelAnswer>;

/** What one level measured, in milliseconds, per second and per cent. */
export function levelView(level: LevelResult): LevelView {
  const { metrics, requests, window } = level;
  const ended = requests.completed + requests.failed;
  const goodput = goodputView(level);
  return {
    level: level.name,
    concurrency: concurrencyOf(level),
    ...(level.load.kind === "open" && { rate: level.load.rate }),
    ttft: latencyView(metrics.ttft),
    ...(metrics.tpot && { tpot: latencyView(metrics.tpot) }),
    ...(metrics.itl && { itl: latencyView(metrics.itl) }),
    e2e_latency: latencyView(metrics.e2e),
    throughput_tokens_per_sec: metrics.output_throughput ?? null,
    request_rate_per_sec: metrics.request_throughput ?? null,
    total_requests: ended,
    successful_requests: requests.completed,
    failed_requests: requests.failed,
    // Cut off when the level ended: neither good nor failed.
    ...(requests.incomplete > 0 && { incomplete_requests: requests.incomplete }),
    error_rate_percent: ended === 0 ? null : (100 * requests.failed) / ended,
    ...(requests.failed > 0 && {
      failures: { ...requests.failures },
      failure_examples: { ...level.failure_examples },
    }),
    total_input_tokens: metrics.input_tokens ?? null,
    total_output_tokens: metrics.output_tokens ?? null,
    ...(level.token_source && { token_source: level.token_source }),
    duration_seconds: window.seconds,
    ...(goodput && { goodput }),
  };
}

/** Requests in flight, or users; null for a load that fixes neither. */
export function concurrencyOf({ load }: Pick<LevelResult, "load">): number | null {
  switch (load.kind) {
    case "closed":
      return load.concurrency;
    case "users":
      return load.users;
    case "open":
    case "replay":
    case "stages":
      return null;
    default:
      return load satisfies never;
  }
}

function latencyView(stats: LevelResult["metrics"]["ttft"]): LevelView["ttft"] {
  if (stats === undefined) return null;
  const { min, max, mean, p50, p90, p95, p99, std } = stats;
  return { min, max, mean, median: p50, p50, p90, p95, p99, std };
}

/**
 * From the objectives, whose share is over all requests that ended: one that failed is not good. The first is
 * goodput itself, the others have one threshold each and tell how many kept that.
 */
function goodputView(level: LevelResult): LevelView["goodput"] {
  const lines = level.objectives.flatMap(({ objective, observed, samples }) => {
    const criteria = criteriaOf(objective);
    return criteria.length === 0 || observed === undefined
      ? []
      : [{ criteria, observed, samples, satisfied: Math.round(observed * samples) }];
  });
  const [all] = lines;
  if (all === undefined) return undefined;
  const kept = ({ metric, ms }: Criterion) =>
    lines.find(({ criteria: [first, ...others] }) => {
      return others.length === 0 && first?.metric === metric && first.ms === ms;
    })?.satisfied;
  return {
    thresholds: Object.fromEntries(all.criteria.map(({ metric, ms }) => [`${metric}_ms`, ms])),
    satisfied_requests: all.satisfied,
    total_requests: all.samples,
    goodput_percent: all.samples === 0 ? 0 : (100 * all.satisfied) / all.samples,
    ...Object.fromEntries(
      all.criteria.map((criterion) => [`${criterion.metric}_satisfied`, kept(criterion) ?? null]),
    ),
  };
}

interface Criterion {
  readonly metric: string;
  readonly ms: number;
}

/** Of "goodput_ratio(ttft < 500ms, e2e < 3s) >= 95%", as the engine writes it; none of any other objective. */
function criteriaOf(objective: string): Criterion[] {
  const inner = /^goodput_ratio\(([^)]*)\)/.exec(objective)?.[1] ?? "";
  return [...inner.matchAll(/(ttft|tpot|itl|e2e) <=? ([\d.e+-]+)(ms|s)/g)].map(
    ([, metric = "", amount, unit]) => ({
      metric,
      ms: Number((Number(amount) * (unit === "s" ? 1000 : 1)).toPrecision(12)),
    }),
  );
}

import type { RequestMetric } from "../plan/objective.ts";
import { bucketIndex, bucketMidpoint, Histogram } from "../summarize/histogram.ts";
import type { LevelSummary, RequestFacts } from "../summarize/summary.ts";

/** What a request's latencies would be, nanoseconds; those not named stay as they are. */
export type Latencies = (
  request: RequestFacts,
) => Readonly<Partial<Record<RequestMetric, number | undefined>>>;

/**
 * The same level as it would read with other latencies.
 * @param gap what each gap between chunks would be instead; absent: what it is.
 */
export function reread(summary: LevelSummary, as: Latencies, gap?: (ns: number) => number): LevelSummary {
  const histograms: Partial<Record<RequestMetric, Histogram>> = {};
  const requests = summary.requests.map((request) => {
    const changed: { -readonly [Fact in keyof RequestFacts]: RequestFacts[Fact] } = { ...request };
    for (const [name, ns] of Object.entries(as(request)) as [RequestMetric, number | undefined][]) {
      histograms[name] ??= new Histogram();
      if (request[name] === undefined || ns === undefined) continue;
      changed[name] = Math.max(0, ns);
      if (request.outcome === "completed") histograms[name].record(changed[name]);
    }
    return changed;
  });
  const latencies = { ...summary.latencies, ...histograms };
  if (gap !== undefined) latencies.itl = mapped(summary.latencies.itl, gap);
  return { ...summary, requests, latencies };
}

function mapped(histogram: Histogram, as: (ns: number) => number): Histogram {
  const other = new Histogram();
  for (const [index, count] of histogram.buckets()) {
    const value = Math.max(0, as(bucketMidpoint(index)));
    other.merge(
      Histogram.fromBuckets([[bucketIndex(value), count]], { min: value, max: value, mean: value, std: 0 }),
    );
  }
  return other;
}

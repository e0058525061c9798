import type { RequestMetric } from "../plan/objective.ts";
import { bucketIndex, bucketMidpoint, Histogram } from "../summarize/histogram.ts";
import type { LevelSummary, RequestFacts } from "../summarize/summary.ts";

/** How much of a request's latencies is not the server's, nanoseconds. */
export type NotTheServers = (request: RequestFacts) => Readonly<Partial<Record<RequestMetric, number>>>;

/**
 * The same level with that much taken away from each request's latencies: how it would read at best.
 * @param fromGapsNs taken from every gap between chunks.
 */
export function sooner(summary: LevelSummary, by: NotTheServers, fromGapsNs = 0): LevelSummary {
  const histograms: Partial<Record<RequestMetric, Histogram>> = {};
  const requests = summary.requests.map((request) => {
    const changed: { -readonly [Fact in keyof RequestFacts]: RequestFacts[Fact] } = { ...request };
    for (const [name, ns = 0] of Object.entries(by(request)) as [RequestMetric, number | undefined][]) {
      histograms[name] ??= new Histogram();
      const value = request[name];
      if (value === undefined) continue;
      changed[name] = Math.max(0, value - ns);
      if (request.outcome === "completed") histograms[name].record(changed[name]);
    }
    return changed;
  });
  const latencies = { ...summary.latencies, ...histograms };
  if (fromGapsNs > 0) latencies.itl = less(summary.latencies.itl, fromGapsNs);
  return { ...summary, requests, latencies };
}

function less(histogram: Histogram, ns: number): Histogram {
  const shifted = new Histogram();
  for (const [index, count] of histogram.buckets()) {
    const value = Math.max(0, bucketMidpoint(index) - ns);
    shifted.merge(
      Histogram.fromBuckets([[bucketIndex(value), count]], { min: value, max: value, mean: value, std: 0 }),
    );
  }
  return shifted;
}

import type { LevelSummary, RequestFacts } from "../summarize/summary.ts";

const MOST_SLICES = 40;
const SHORTEST_SLICE_NS = 100e6;

/** Moments in nanoseconds from the run's start. */
export interface Slice {
  readonly from: number;
  readonly to: number;
  /** Those scheduled in it. */
  readonly requests: readonly RequestFacts[];
}

/** The window in equal stretches, for the bootstrap over time. */
export function slices(summary: LevelSummary): Slice[] {
  const { start, end } = summary.record.window;
  const count = Math.max(1, Math.min(MOST_SLICES, Math.floor((end - start) / SHORTEST_SLICE_NS)));
  const width = (end - start) / count;
  const requests = Array.from({ length: count }, (): RequestFacts[] => []);
  for (const request of summary.requests) {
    const i = Math.floor((request.scheduled - start) / width);
    requests[Math.min(count - 1, Math.max(0, i))]!.push(request);
  }
  return requests.map((inSlice, i) => ({
    from: start + i * width,
    to: start + (i + 1) * width,
    requests: inSlice,
  }));
}

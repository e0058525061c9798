import type { CountsAt, RequestFacts } from "./summary.ts";

/** What came in each of a row of equal slices of time. */
export interface SliceTotals {
  readonly sliceNs: number;
  /** Nanoseconds that requests were in flight, of all of them together. */
  readonly inFlight: Float64Array;
  /** As in `ratesBetween`. */
  readonly completed: Float64Array;
  readonly outputTokens: Float64Array;
  readonly inputTokens: Float64Array;
}

const MOST_SLICES = 256;
const SHORTEST_SLICE_NS = 100e6;
/** With fewer it matters which slice a request falls into, and evenly spaced ones seem to come in waves. */
const FEWEST_PER_SLICE = 5;

/** As many as say how a rate varies. */
function slicesFor(requests: readonly RequestFacts[], lengthNs: number): number {
  const most = Math.min(MOST_SLICES, lengthNs / SHORTEST_SLICE_NS, requests.length / FEWEST_PER_SLICE);
  return Math.max(1, Math.floor(most));
}

/** A stretch of time in equal slices, in one pass over the requests; what each counts is what `ratesBetween` counts. */
export function sliceTotals(
  requests: readonly RequestFacts[],
  startNs: number,
  endNs: number,
  counts: CountsAt,
  count = slicesFor(requests, endNs - startNs),
): SliceTotals {
  const sliceNs = (endNs - startNs) / count;
  const newSlices = () => new Float64Array(count);
  const [completed, outputTokens, inputTokens, inFlight] = [
    newSlices(),
    newSlices(),
    newSlices(),
    newSlices(),
  ];
  /** Spreads an amount evenly over a stretch of time; what lies outside of all slices is in none. */
  const spread = (
    into: Float64Array,
    amount: number,
    [from, to]: readonly [number, number],
    [sinceNs, untilNs]: readonly [number, number],
  ) => {
    const begin = Math.max(from, sinceNs);
    const last = Math.min(to, untilNs);
    const first = Math.max(0, Math.floor((begin - startNs) / sliceNs));
    for (let i = first; i < count && startNs + i * sliceNs < last; i++) {
      const within = Math.min(last, startNs + (i + 1) * sliceNs) - Math.max(begin, startNs + i * sliceNs);
      if (within > 0) into[i]! += (amount * within) / (to - from);
    }
  };
  const put = (
    into: Float64Array,
    amount: number,
    at: number,
    [sinceNs, untilNs]: readonly [number, number],
  ) => {
    if (at <= sinceNs || at > untilNs) return;
    into[Math.min(count - 1, Math.ceil((at - startNs) / sliceNs) - 1)]! += amount;
  };
  for (const request of requests) {
    const { issued, end, firstOutput, lastOutput, inputTokens: input, outputTokens: output } = request;
    const inside = [
      Math.max(startNs, request.countsFrom ?? startNs),
      Math.min(endNs, request.cutOff ?? endNs),
    ] as const;
    if (end > issued) spread(inFlight, end - issued, [issued, end], inside);
    if (request.outcome !== "completed") continue;
    if (counts === "end") put(completed, 1, end, inside);
    else if (end > issued) spread(completed, 1, [issued, end], inside);
    if (input !== undefined) put(inputTokens, input, firstOutput ?? end, inside);
    if (firstOutput === undefined || lastOutput === undefined || output === 1 || firstOutput === lastOutput) {
      put(outputTokens, output, firstOutput ?? end, inside);
    } else {
      put(outputTokens, 1, firstOutput, inside);
      spread(outputTokens, output - 1, [firstOutput, lastOutput], inside);
    }
  }
  return { sliceNs, completed, outputTokens, inputTokens, inFlight };
}

/**
 * Says what "95 %" is worth: simulated services whose true figures are known, a matrix of them by number of
 * requests, and how often each bound held. `node bench/coverage.ts [runs] [service]` prints it; docs/statistics.md
 * keeps it. A bound that is not given counts as held, and its share stands beside it.
 */
import { dependenceOf } from "../src/judge/dependence.ts";
import {
  type Estimate,
  meanOfSeries,
  quantileEstimate,
  quantileWorth,
  shareEstimate,
} from "../src/judge/estimate.ts";
import { quantileRanks } from "../src/judge/intervals.ts";
import { random } from "../src/random.ts";
import { Histogram } from "../src/summarize/histogram.ts";
import { type Measured, SERVICES } from "./lib/simulated.ts";
import { table } from "./lib/table.ts";

const RUNS = Number(process.argv[2] ?? 200);
const ONLY = process.argv[3] ?? "";
const REQUESTS = [100, 200, 400, 1000, 2000, 4000, 8000];
const CONFIDENCES = [0.95, 0.99];
const LONG_RUN = 1_000_000;

interface Figure {
  readonly name: string;
  readonly of: (measured: Measured, truth: Measured) => Estimate | undefined;
  readonly truth: (truth: Measured) => number;
}

const quantile = (metric: "ttft" | "e2e", q: number): Figure => ({
  name: `${metric}_p${q * 100}`,
  of: (measured) => {
    const histogram = histogramOf(measured[metric]);
    return quantileEstimate(histogram, q, quantileWorth(measured[metric], histogram)(q));
  },
  truth: (truth) => truth[metric].toSorted()[Math.ceil(q * truth[metric].length) - 1]!,
});

const FIGURES: readonly Figure[] = [
  ...[0.5, 0.95, 0.99].map((q) => quantile("e2e", q)),
  quantile("ttft", 0.95),
  {
    name: "e2e_mean",
    of: ({ e2e }) => meanOfSeries(e2e, histogramOf(e2e)),
    truth: ({ e2e }) => e2e.reduce((sum, value) => sum + value, 0) / e2e.length,
  },
  {
    name: "goodput_ratio",
    of: ({ e2e }, truth) => {
      const limit = limitOf(truth);
      return shareEstimate(
        Uint8Array.from(e2e, (value) => (value <= limit ? 1 : 0)),
        () => dependenceOf(histogramOf(e2e).midranks(e2e)),
      );
    },
    truth: (truth) => {
      const limit = limitOf(truth);
      return truth.e2e.filter((value) => value <= limit).length / truth.e2e.length;
    },
  },
];

const LIMITS = new WeakMap<Measured, number>();
/** One request in ten takes longer. */
function limitOf(truth: Measured): number {
  const known = LIMITS.get(truth) ?? truth.e2e.toSorted()[Math.ceil(0.9 * truth.e2e.length) - 1]!;
  LIMITS.set(truth, known);
  return known;
}

function histogramOf(values: Float64Array): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

interface Tally {
  readonly service: string;
  readonly figure: string;
  readonly n: number;
  readonly confidence: number;
  held: [number, number];
  absent: [number, number];
  readonly widths: number[];
}

const tallies: Tally[] = [];
for (const service of SERVICES.filter(({ name }) => name.includes(ONLY))) {
  const truth = service.measure(LONG_RUN, random(1, service.name, "truth"));
  const truths = FIGURES.map((figure) => figure.truth(truth));
  const own = new Map<string, Tally>();
  for (let run = 0; run < RUNS; run++) {
    const longest = service.measure(REQUESTS.at(-1)!, random(2, service.name, run));
    for (const n of REQUESTS) {
      const measured = {
        arrival: longest.arrival.subarray(0, n),
        ttft: longest.ttft.subarray(0, n),
        e2e: longest.e2e.subarray(0, n),
      };
      for (const [i, figure] of FIGURES.entries()) {
        const estimate = figure.of(measured, truth);
        for (const confidence of CONFIDENCES) {
          const key = `${figure.name} ${n} ${confidence}`;
          if (!own.has(key)) {
            const names = { service: service.name, figure: figure.name, n, confidence };
            own.set(key, { ...names, held: [0, 0], absent: [0, 0], widths: [] });
          }
          const tally = own.get(key)!;
          const [lower, upper] = estimate?.intervalAt(confidence) ?? [undefined, undefined];
          // A bucket of the histogram is 0.1 % wide, and the truth is read to the last digit.
          if (lower === undefined || lower <= truths[i]! * 1.0005) tally.held[0]++;
          if (upper === undefined || upper >= truths[i]! * 0.9995) tally.held[1]++;
          if (lower === undefined) tally.absent[0]++;
          if (upper === undefined) tally.absent[1]++;
          if (lower !== undefined && upper !== undefined && figure.name === "e2e_p95") {
            const [low, high] = quantileRanks(n, 0.95, confidence);
            const sorted = measured.e2e.toSorted();
            if (low && high) tally.widths.push((upper - lower) / (sorted[high - 1]! - sorted[low - 1]!));
          }
        }
      }
    }
  }
  tallies.push(...own.values());
}

const percent = (share: number) => Math.round(100 * share).toString();
/** "94 96 (12)": upper and lower bound held, and no upper bound. */
const cell = ({ held, absent }: Tally) =>
  `${percent(held[1] / RUNS)} ${percent(held[0] / RUNS)}${absent[1] > 0 ? ` (${percent(absent[1] / RUNS)})` : ""}`;

for (const confidence of CONFIDENCES) {
  for (const { name } of FIGURES) {
    console.log(
      `\n${name} at ${confidence * 100} %: upper bound holds, lower bound holds (no upper bound), % of ${RUNS} runs\n`,
    );
    const rows = [
      ...Map.groupBy(
        tallies.filter((one) => one.confidence === confidence && one.figure === name),
        ({ service }) => service,
      ),
    ].map(([service, cells]) => [service, ...cells.map(cell)]);
    console.log(table(["service", ...REQUESTS.map((n) => `n = ${n}`)], rows));
  }
}
const independent = tallies.filter(
  ({ service, figure }) => service === "independent" && figure === "e2e_p95",
);
for (const { n, confidence, widths } of independent) {
  const median = widths.toSorted((a, b) => a - b)[Math.floor(widths.length / 2)];
  if (median)
    console.log(
      `independent, n = ${n}, ${confidence}: median width of e2e_p95 is ${median.toFixed(2)} of the binomial one`,
    );
}
const worst = (confidence: number, promise: number) => {
  const all = tallies
    .filter((one) => one.confidence === confidence)
    .flatMap((tally) => tally.held.map((held) => ({ ...tally, share: held / RUNS })));
  const short = all.filter(({ share }) => share < promise);
  const noise = Math.sqrt((promise * (1 - promise)) / RUNS);
  const clearly = all.filter(({ share }) => share < promise - 2 * noise);
  console.log(
    `${confidence}: ${all.length} bounds, ${short.length} below ${promise}, ${clearly.length} by more than chance; lowest ${Math.min(...all.map(({ share }) => share))}`,
  );
  return clearly;
};
for (const [confidence, promise] of [
  [0.95, 0.93],
  [0.99, 0.98],
] as const) {
  const byRequests = Map.groupBy(worst(confidence, promise), ({ n }) => n);
  console.log(`  by requests: ${[...byRequests].map(([n, { length }]) => `${n}: ${length}`).join(", ")}`);
}

/**
 * How true the measured time to first token is: request by request, what the engine recorded less what the
 * target did, which writes its tokens at absolute deadlines and stamps each first one as it is written. Both
 * read the same monotonic clock. Below each load is what a loop on undici's `dispatch` sees of the same, which
 * does nothing but stamp: what is late there no program on Node can help on this machine. "As a library" is without
 * the flags that `goodput run` starts itself with.
 */
import { parseArgs } from "node:util";
import { MEASURING_FLAGS } from "../src/node-flags.ts";
import type { Observed } from "./lib/observe.ts";
import { heading, quantile, shown, spread, table } from "./lib/table.ts";
import { measure, startTarget } from "./lib/target.ts";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "50,200,400" },
    rounds: { type: "string", default: "3" },
  },
});
const streams = values.streams.split(",").map(Number);
interface Errors {
  readonly sent: readonly [p50: number, p99: number];
  readonly scheduled: readonly [p50: number, p99: number];
  /** Of the error from the send: how long the target took to take the request, and we to see its first token. */
  readonly taken: number;
  readonly seen: number;
  readonly targetLate: number;
  readonly true50: number;
}
/** One answer: 50 ms to its first token and 63 gaps of 10 ms. */
const ANSWER_SECONDS = 0.68;
/** In a closed loop all streams begin soon after each other and, with a target as even as this one, stay together. */
const LOADS = streams
  .flatMap((count) => [
    { name: `${count} closed loop`, count, load: { concurrency: count } },
    { name: `${count} open loop`, count, load: { rate: count / ANSWER_SECONDS, arrivals: "poisson" } },
  ])
  .flatMap((load) => [
    { ...load, program: [...MEASURING_FLAGS, "bench/lib/observe.ts"] },
    { ...load, name: "  as a library", program: ["bench/lib/observe.ts"] },
    { ...load, name: "  bare dispatch", program: [...MEASURING_FLAGS, "bench/lib/observe-bare.ts"] },
  ]);
const rounds = LOADS.map((): Errors[] => []);

const target = await startTarget("--paced", "--ttft", "50", "--gap", "10");
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [row, { count, load, program }] of LOADS.entries()) {
      await target.stats();
      const config = {
        url: target.url,
        ...load,
        requests: count * 5,
        warmup: Math.max(500, count),
        "output-tokens": 64,
      };
      const observed = await measure<Observed[]>([process.execPath, ...program, JSON.stringify(config)]);
      const { moments } = await target.stats();
      const truth = new Map(moments.map((moment) => [moment.id, moment]));
      const ms = (ns: number) => ns / 1e6;
      const pairs = observed.map((seen) => ({ seen, was: truth.get(seen.id)! }));
      const own = ({ was }: (typeof pairs)[number]) => was.firstTokenNs - was.receivedNs;
      const sent = pairs.map((pair) => ms(pair.seen.firstOutputNs - pair.seen.sentNs - own(pair)));
      const scheduled = pairs.map((pair) => ms(pair.seen.firstOutputNs - pair.seen.scheduledNs - own(pair)));
      const taken = pairs.map((pair) => ms(pair.was.receivedNs - pair.seen.sentNs));
      const seen = pairs.map((pair) => ms(pair.seen.firstOutputNs - pair.was.firstTokenNs));
      rounds[row]!.push({
        taken: quantile(taken, 0.99),
        seen: quantile(seen, 0.99),
        sent: [quantile(sent, 0.5), quantile(sent, 0.99)],
        scheduled: [quantile(scheduled, 0.5), quantile(scheduled, 0.99)],
        targetLate: quantile(
          moments.map(({ lateNs }) => ms(lateNs)),
          0.99,
        ),
        true50: quantile(
          pairs.map((pair) => ms(own(pair))),
          0.5,
        ),
      });
    }
  }
} finally {
  await target.stop();
}

heading(
  `TTFT error in ms, ${values.rounds} rounds: median (min–max). True TTFT 50 ms, a token every 10 ms, 64 tokens.`,
);
console.log(
  table(
    [
      "streams",
      "true p50",
      "ttft_sent error p50",
      "p99",
      "taken by target p99",
      "seen by us p99",
      "ttft error p50",
      "p99",
      "target late p99",
    ],
    LOADS.map(({ name }, row) => {
      const over = (pick: (errors: Errors) => number) => shown(spread(rounds[row]!.map(pick)), 2);
      return [
        name,
        over(({ true50 }) => true50),
        over(({ sent }) => sent[0]),
        over(({ sent }) => sent[1]),
        over(({ taken }) => taken),
        over(({ seen }) => seen),
        over(({ scheduled }) => scheduled[0]),
        over(({ scheduled }) => scheduled[1]),
        over(({ targetLate }) => targetLate),
      ];
    }),
  ),
);

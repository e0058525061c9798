import { scaleLinear, scaleLog } from "d3-scale";
import { formatLimit } from "../format.ts";
import { PLOT, type Scale, type Tick } from "./chart.ts";

/** Latencies from `low` to `high`, each decade as wide as the next; a logarithm needs room even for one value. */
export function logScale(low: number, high: number): Scale {
  return scaleLog([low / 1.08, high * 1.08], [PLOT.left, PLOT.right]);
}

/** 1, 2 and 5 of each decade; only the decades where that would be too many, even steps where too few. */
export function logTicks(x: Scale): readonly Tick[] {
  const [low, high] = x.domain() as [number, number];
  const decades = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(low)) + i),
  );
  const within = (at: number) => at >= low && at <= high;
  const fine = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]).filter(within);
  const coarse = decades.filter(within);
  const chosen =
    fine.length < 3 ? scaleLinear([low, high], [0, 1]).ticks(4) : fine.length > 7 ? coarse : fine;
  return chosen.map((at) => ({ at, label: words(at) }));
}

/** In seconds from one on: 100 s is a round figure of a decade, 1.667 min is not. */
function words(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : formatLimit(ms, "ms");
}

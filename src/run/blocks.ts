import type { Level } from "../plan/plan.ts";
import { rampRequests } from "../plan/warmup.ts";
import type { Stretch } from "./generator.ts";

export type Side = "head" | "base";

/** What is measured in one go: a level, or a part of it for one side. */
export type Block = Pick<Stretch, "stop" | "firstIndex" | "rampRequests"> & { readonly side: Side };

/** Rounds of base, head, head, base: a drift of the machine that is steady over a round hits both alike. */
const ROUNDS = 2;

/** What of a level is measured in one go. Base and head of a pair send the same requests. */
export function blocksOf(level: Level, hasBaseline: boolean): Block[] {
  const ramp = rampRequests(level);
  if (!hasBaseline) return [{ side: "head", stop: level.stop, firstIndex: 0, rampRequests: ramp }];
  const pairs = 2 * ROUNDS;
  return Array.from({ length: ROUNDS }, () => ["base", "head", "head", "base"] as const)
    .flat()
    .map((side, i) => {
      const pair = Math.floor(i / 2);
      const { requests, durationNs } = level.stop;
      const partOf = (total: number) =>
        [Math.floor((total * pair) / pairs), Math.floor((total * (pair + 1)) / pairs)] as const;
      const [from, to] = partOf(requests ?? 0);
      const [rampFrom, rampTo] = partOf(ramp);
      return {
        side,
        firstIndex: requests === undefined ? pair * 1_000_000 : from,
        // Each begins on a service that did nothing for this side meanwhile.
        rampRequests: rampTo - rampFrom,
        stop: {
          ...(requests !== undefined && { requests: Math.max(1, to - from) }),
          ...(durationNs !== undefined && { durationNs: Math.floor(durationNs / pairs) }),
        },
      };
    });
}

import type { Level } from "../plan/plan.ts";
import { rampRequests } from "../plan/warmup.ts";
import { NS_PER_S } from "../units.ts";
import type { Stretch } from "./generator.ts";

export type Side = "head" | "base";

/** What is measured in one go: a level, or a part of it for one side. */
export type Block = Pick<Stretch, "stop" | "firstIndex" | "rampRequests"> & { readonly side: Side };

/**
 * Base, head, head, base: a drift of the machine that is steady over a round hits both alike. The more rounds, the
 * surer an interval over pairs of blocks; but a block has to be long enough for its load to come about.
 */
const FEWEST_ROUNDS = 2;
const MOST_ROUNDS = 10;
const SHORTEST_BLOCK_NS = 3 * NS_PER_S;
const FEWEST_REQUESTS = 20;
const REQUESTS_PER_SLOT = 4;

/** What of a level is measured in one go. Base and head of a pair send the same requests. */
export function blocksOf(level: Level, hasBaseline: boolean): Block[] {
  const ramp = rampRequests(level);
  if (!hasBaseline) return [{ side: "head", stop: level.stop, firstIndex: 0, rampRequests: ramp }];
  const rounds = roundsOf(level);
  const pairs = 2 * rounds;
  return Array.from({ length: rounds }, () => ["base", "head", "head", "base"] as const)
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

function roundsOf({ load, stop: { requests, durationNs } }: Level): number {
  const slots = load.kind === "closed" ? load.concurrency : load.kind === "users" ? load.users : 0;
  const perSecond = load.kind === "open" ? load.requestsPerSecond : 0;
  const perBlock = Math.max(
    FEWEST_REQUESTS,
    REQUESTS_PER_SLOT * slots,
    perSecond * (SHORTEST_BLOCK_NS / NS_PER_S),
  );
  const rounds = Math.min(
    (requests ?? Number.POSITIVE_INFINITY) / perBlock / 2,
    (durationNs ?? Number.POSITIVE_INFINITY) / SHORTEST_BLOCK_NS / 2,
  );
  return Math.max(FEWEST_ROUNDS, Math.min(MOST_ROUNDS, Math.floor(rounds)));
}

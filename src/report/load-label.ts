import type { LoadResult } from "../result.ts";
import { formatLimit, formatSeconds, plural } from "./format.ts";

/** The number that tells a level from its neighbours: "16", "4/s", "to 32", "200 users". */
export function shortLoad(load: LoadResult): string {
  switch (load.kind) {
    case "closed":
      return bare(load.concurrency);
    case "open":
      return `${bare(load.rate)}/s`;
    case "stages":
      return `to ${bare(highest(load))}${load.of === "rate" ? "/s" : ""}`;
    case "users":
      return `${bare(load.users)} users`;
    case "replay":
      return "trace";
  }
}

/** The same in words, plain ASCII that no target has written. */
export function loadLabel(load: LoadResult): string {
  switch (load.kind) {
    case "closed":
      return `concurrency ${bare(load.concurrency)}`;
    case "open":
      return `${bare(load.rate)} req/s`;
    case "stages":
      return `stages to ${bare(highest(load))} ${load.of === "rate" ? "req/s" : "in flight"}`;
    case "users":
      return `${bare(load.users)} users`;
    case "replay":
      return "trace";
  }
}

/** All that was asked of one load, in a line. */
export function describeLoad(load: LoadResult): string {
  switch (load.kind) {
    case "closed":
      return `${plural(load.concurrency, "request")} in flight`;
    case "open": {
      const shape = load.arrivals === "gamma" ? `gamma, burstiness ${bare(load.burstiness)}` : load.arrivals;
      return `${bare(load.rate)} requests/s, ${shape}${atMost(load.max_concurrency)}`;
    }
    case "stages": {
      const unit = load.of === "rate" ? "/s" : " in flight";
      const steps = load.stages.map(
        ({ seconds, target }) => `to ${bare(target)}${unit} within ${formatSeconds(seconds)}`,
      );
      return steps.join(", then ");
    }
    case "users": {
      const [least, most] = load.think_seconds;
      const think =
        least === most ? formatSeconds(least) : `${formatSeconds(least)} to ${formatSeconds(most)}`;
      return `${plural(load.users, "user")}, ${bare(load.spawn_rate)} more each second, thinking for ${think}`;
    }
    case "replay":
      return `at the moments of a recorded trace${atMost(load.max_concurrency)}`;
  }
}

/** What orders loads of one kind; absent where they have no order. */
function loadSize(load: LoadResult): number | undefined {
  switch (load.kind) {
    case "closed":
      return load.concurrency;
    case "open":
      return load.rate;
    case "stages":
      return highest(load);
    case "users":
      return load.users;
    case "replay":
      return undefined;
  }
}

export function oneKind(levels: readonly { readonly load: LoadResult }[]): boolean {
  return new Set(levels.map(({ load }) => load.kind)).size <= 1;
}

/** Places in the run from the lightest load to the heaviest: a search visits them in another order. */
export function lightestFirst(levels: readonly { readonly load: LoadResult }[]): readonly number[] {
  const places = levels.map((_, i) => i);
  if (!oneKind(levels)) return places;
  return places.sort((a, b) => (loadSize(levels[a]!.load) ?? a) - (loadSize(levels[b]!.load) ?? b));
}

function atMost(most: number | undefined): string {
  return most === undefined ? "" : `, at most ${bare(most)} in flight`;
}

function highest({ stages }: Extract<LoadResult, { kind: "stages" }>): number {
  return stages.reduce((top, { target }) => Math.max(top, target), 0);
}

function bare(value: number): string {
  return formatLimit(value, "requests").split(" ")[0]!;
}

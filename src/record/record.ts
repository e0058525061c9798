import type { Level } from "../plan/plan.ts";
import type { ServerSide } from "../result.ts";
import type { Exchange } from "../send/exchange.ts";

/**
 * One planned request and what became of it. A failed request is a record, and so is one that was
 * cut off; the figures of a report are all made from these.
 */
export interface RequestRecord extends Exchange {
  /** Index of the load level. */
  readonly level: number;
  /** Index within the level, in the plan's order; all turns of a conversation have the same. */
  readonly index: number;
  /** Of a conversation, from 1 on; absent for the first. */
  readonly turn?: number;
  /** It went to the baseline. */
  readonly side?: "base";
  /** It arrived before the window, so that this opens on a service under load: in rates alone, by what of it lies inside. */
  readonly ramp?: true;
  /** The moment the plan gave it; in a closed loop, the moment its slot became free. */
  readonly scheduled: number;
  /** How long it then waited for `max-concurrency`; absent where the load has none. */
  readonly held?: number;
  /** Tokens at its prompt's beginning that the plan has in common with prompts before it; absent: none. */
  readonly sharedTokens?: number;
}

/** A stretch of a level that was measured without a break: all of it, or one of its alternating blocks. */
export interface StretchStart {
  readonly level: Level;
  readonly side?: "base";
  readonly startNs: number;
}

/** What is known of a stretch once it is over. */
export interface StretchRecord {
  readonly level: number;
  readonly side?: "base";
  /** Clock nanoseconds between which its rates are counted. */
  readonly window: { readonly start: number; readonly end: number };
  readonly host: HostRecord;
  /** Why it ended before its plan was done. */
  readonly endedBy?: EndReason;
  /** What it was judged with where it was looked at more than once: each look takes its share of the risk. */
  readonly confidence?: number;
  /** What the target's own pages said. */
  readonly server?: ServerSide;
}

/** "decisive": every objective was decided; the others are limits that were reached. */
export type EndReason = "decisive" | "max_tokens" | "max_errors" | "max_error_rate" | "overload";

/** What the load cost the machine that generated it. */
export interface HostRecord {
  /** CPU time of this process over the level's time; 1 is one core fully used. */
  readonly cpuRatio: number;
  /** How long the event loop was held up, 99th percentile, nanoseconds. */
  readonly loopDelayP99: number;
  readonly connectionsOpened: number;
}

/** A whole level, its stretches put one behind the other: its window begins at 0. */
export interface LevelRecord {
  readonly window: { readonly start: number; readonly end: number };
  /** Where its stretches lie within it, one behind the other; nothing of those that were left out whole. */
  readonly stretches: readonly { readonly start: number; readonly end: number }[];
  /** It went on changing from its start to its end. */
  readonly unsettled?: true;
  readonly host: HostRecord;
  readonly endedBy?: EndReason;
  readonly confidence?: number;
  readonly server?: ServerSide;
}

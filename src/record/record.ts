import type { Exchange } from "../send/exchange.ts";

/**
 * One planned request and what became of it. A failed request is a record, and so is one that was
 * cut off; the figures of a report are all made from these.
 */
export interface RequestRecord extends Exchange {
  /** Index of the load level. */
  readonly level: number;
  /** Index within the level, in the plan's order. */
  readonly index: number;
  /** The moment the plan gave it; in a closed loop, the moment its slot became free. */
  readonly scheduled: number;
}

/** What is known of a level once it is over. */
export interface LevelRecord {
  readonly level: number;
  /** Clock nanoseconds between which the level's rates are counted. */
  readonly window: { readonly start: number; readonly end: number };
  readonly warmupRequests: number;
  readonly host: HostRecord;
}

/** What the load cost the machine that generated it. */
export interface HostRecord {
  /** CPU time of this process over the level's time; 1 is one core fully used. */
  readonly cpuRatio: number;
  /** How long the event loop was held up, 99th percentile, nanoseconds. */
  readonly loopDelayP99: number;
  readonly connectionsOpened: number;
}

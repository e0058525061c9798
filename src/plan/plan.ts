import type { Objective } from "./objective.ts";

/**
 * What will be sent, and when: complete before the first byte. The same plan gives the same bodies at the
 * same offsets, whatever the machine or the server. Secrets are no part of it.
 */
export interface Plan {
  readonly target: Target;
  /** Run one after the other, in this order. */
  readonly levels: readonly Level[];
  readonly workload: Workload;
  /** From the moment a request is issued. */
  readonly timeoutNs: number;
  readonly seed: number;
  readonly objectives: readonly Objective[];
  /** Confidence of each bound of every interval; "none" compares plain estimates. */
  readonly confidence: number | "none";
}

export interface Target {
  /** As the user gave it; the protocol adds the path. */
  readonly url: string;
  /** Absent: the first model that the target lists. */
  readonly model?: string;
  readonly protocol: ProtocolName;
}

export const PROTOCOLS = ["openai-chat", "openai-completions"] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

export interface Level {
  readonly index: number;
  readonly load: Load;
  /** Whichever comes first; at least one is there. */
  readonly stop: { readonly requests?: number; readonly durationNs?: number };
  /** Sent before the window opens and left out of every figure. */
  readonly warmupRequests: number;
}

export type Load =
  /** `concurrency` requests in flight: the next one goes when one returns. */
  | { readonly kind: "closed"; readonly concurrency: number }
  /** At the planned moments, whatever the server does. */
  | {
      readonly kind: "open";
      readonly requestsPerSecond: number;
      readonly arrivals: Arrivals;
      /** Shape of the gamma distribution of gaps: 1 is Poisson, below 1 burstier, above 1 more even. */
      readonly burstiness: number;
      /** An arrival beyond it waits; its latency still counts from the planned moment. */
      readonly maxConcurrency?: number;
    };

export const ARRIVALS = ["constant", "poisson", "gamma"] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** Lengths in tokens. */
export interface Workload {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** "concurrency 4", "50 req/s poisson". */
export function levelName({ load }: Level): string {
  return load.kind === "closed"
    ? `concurrency ${load.concurrency}`
    : `${load.requestsPerSecond} req/s ${load.arrivals}`;
}

import type { RequestRecord } from "../../record/record.ts";
import type { Samples } from "./samples.ts";

/** How one tool defines its figures. Values are in `unit`; stamps in nanoseconds. */
export interface CompatDefinition {
  readonly title: string;
  readonly figures: readonly CompatFigureDefinition[];
  /** What one must know beside the figures. */
  readonly note: string;
}

export type CompatFigureDefinition = {
  /** As the tool writes it. */
  readonly name: string;
  readonly unit: string;
  readonly formula: string;
} & (
  | {
      /** Adds what one completed request gives, a value and, where the tool weighs them, its weight. */
      readonly values: (request: CompletedRequest, add: (value: number, weight?: number) => void) => void;
      readonly statistics: (samples: Samples) => CompatStatistics;
    }
  | { readonly total: (totals: CompatTotals) => number | undefined }
);

/** A completed request that gave output. */
export type CompletedRequest = RequestRecord & { readonly first: number; readonly last: number };

export interface CompatStatistics {
  readonly mean?: number | undefined;
  readonly std?: number | undefined;
  readonly p50?: number | undefined;
  readonly p90?: number | undefined;
  readonly p95?: number | undefined;
  readonly p99?: number | undefined;
}

export interface CompatTotals {
  readonly completed: number;
  readonly failed: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** From the first completed request's send to the end of the last one. */
  readonly seconds: number;
}

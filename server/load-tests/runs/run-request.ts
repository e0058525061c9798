import type { Result } from "../../../src/index.ts";
import type { MeasuredRun, NewRun, Run, RunFailure } from "../../store/run-store.ts";

/** A load test to be done. */
export interface RunRequest {
  /** What is kept of it; id and moment are given to it when it is taken. */
  readonly run: Omit<NewRun, "runId" | "createdAt">;
  /** The plan in the words of the config file (docs/config.schema.json), read already once without mistakes. */
  readonly plan: Readonly<Record<string, unknown>>;
  /** For the target; in memory only, never stored. */
  readonly apiKey?: string;
  /** Of the request that asked for it, for the log. */
  readonly requestId?: string;
  /** What its kind makes of what was measured, before the run counts as completed. */
  readonly conclude?: (result: Result, run: Run, tell: TellValidation) => Promise<Conclusion>;
}

/** Passes a step of the comparison with the server's own figures on to those who watch. */
export type TellValidation = (step: Omit<Extract<RunEvent, { kind: "validation" }>, "kind">) => void;

export interface Conclusion {
  readonly report?: Readonly<Record<string, unknown>>;
  /** Given: the run failed although it was measured. */
  readonly error?: RunFailure;
}

/** How far a run has come; figures are absent until there are any. */
export interface RunProgress {
  readonly current: number;
  readonly total: number;
  /** Of the level, 0 to 100. */
  readonly percent: number;
  readonly level: number;
  readonly levelIndex: number;
  readonly levels: number;
  /** Of the whole run, 0 to 100. */
  readonly overallPercent: number;
  readonly metrics: {
    readonly ttftAvgMs?: number;
    readonly ttftP50Ms?: number;
    readonly e2eAvgMs?: number;
    /** Output tokens per second. */
    readonly throughput?: number;
    readonly completed: number;
    readonly failed: number;
  };
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What those who watch a run are told. */
export type RunEvent =
  | { readonly kind: "progress"; readonly progress: RunProgress }
  /** Of the comparison with the server's own figures, step by step. */
  | { readonly kind: "validation"; readonly step: string; readonly message: string; readonly status: string }
  | { readonly kind: "ended"; readonly run: MeasuredRun };

/** All load tests of this server: one at a time unless configured otherwise, the others wait in order. */
export interface Runs {
  /** Resolves once it is stored as pending. */
  start(request: RunRequest): Promise<Run>;
  /** Resolves when it is over, however it ended; undefined when it is deleted meanwhile or unknown. */
  ended(runId: string): Promise<MeasuredRun | undefined>;
  /** Keeps what was measured. False when it is not pending or running. */
  stop(runId: string): Promise<boolean>;
  /** Stops it first if need be; false when there is none. */
  remove(runId: string, requestId?: string): Promise<boolean>;
  /** The latest news of a run that has not ended. */
  progress(runId: string): RunProgress | undefined;
  /** Gives what ends the subscription. */
  subscribe(runId: string, listener: (event: RunEvent) => void): () => void;
  /** Stops all of them; they are marked as failed, interrupted, with what they measured. */
  close(): Promise<void>;
}

/** The process that measures one run: is sent the plan, tells how it goes, and ends with the server. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  GoodputError,
  type Part,
  parseConfig,
  type Result,
  runPlan,
  undiciTransport,
} from "../../../src/index.ts";
import { runProgress } from "./progress.ts";
import { coalesced } from "./progress-pace.ts";
import type { RunProgress } from "./run-request.ts";

export interface RunOrder {
  readonly plan: Readonly<Record<string, unknown>>;
  readonly outDir: string;
  readonly apiKey?: string;
  /** The part of the plan that is done here. */
  readonly shard?: Part;
  /** Milliseconds since the epoch by this machine's clock: the load begins no earlier. */
  readonly startAtMs?: number;
}

export type ToRunProcess = { readonly measure: RunOrder } | { readonly stop: true };

export type FromRunProcess =
  | { readonly progress: RunProgress }
  | { readonly result: Result }
  | { readonly failure: string };

/** Of a run that is cut off, all that is left is to write down what came; a disk that hangs may not hold it up. */
const LAST_WORDS_MS = 5_000;

const stop = new AbortController();
let crash: Error | undefined;

// Whatever went wrong beside the run, what it measured so far is written down before all ends.
process.on("uncaughtException", (error) => {
  crash ??= error;
  leaveSoon();
});
// Nobody else may stop a run: Ctrl-C goes to all processes of a terminal, and the server has its own way to end.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => stop.abort());
// A server that was killed leaves no load behind, and loses nothing of what was measured.
process.once("disconnect", leaveSoon);
process.on("message", (message: ToRunProcess) => {
  if ("stop" in message) stop.abort();
  else void measure(message.measure);
});

async function measure({ plan: config, outDir, apiKey, shard, startAtMs = 0 }: RunOrder): Promise<void> {
  let last: FromRunProcess;
  const pace = coalesced((progress: RunProgress) => tell({ progress }));
  try {
    const plan = parseConfig(config, (key) => key);
    const { signal } = stop;
    const waitMs = startAtMs - Date.now();
    // Whoever is stopped meanwhile goes on, to a result that says so.
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {});
    const result = await runPlan(plan, {
      outDir,
      ...(apiKey !== undefined && { apiKey }),
      ...(shard && { shard }),
      signal,
      // The server has checked the name already, but it may stand for another address by now.
      transport: (origin, clock) => undiciTransport(origin, clock, { refuseMetadata: true }),
      onProgress: (progress) => pace.add(runProgress(plan, progress, new Date().toISOString())),
    });
    last = crash === undefined ? { result } : { failure: crash.message };
  } catch (error) {
    const hint = error instanceof GoodputError && error.hint !== undefined ? ` ${error.hint}` : "";
    last = { failure: `${(crash ?? (error as Error)).message}${hint}` };
  }
  pace.flush();
  // Not before it is written: leaving earlier would cut it off.
  tell(last, () => process.exit(0));
}

function leaveSoon(): void {
  stop.abort();
  setTimeout(() => process.exit(1), LAST_WORDS_MS).unref();
}

function tell(message: FromRunProcess, told: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => told());
  else told();
}

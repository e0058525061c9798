import { Worker } from "node:worker_threads";
import type { Comparison, Result } from "../../../src/index.ts";
import { ApiError } from "../../http/errors.ts";

/** Each may take a second of a core, of which a run that goes on is left the others. */
const MOST_WAITING = 8;
let waiting = 0;
let last: Promise<unknown> = Promise.resolve();

/**
 * Each of the results against the base; intervals are drawn thousands of times, which the event loop has no
 * time for. One comparison at a time.
 */
export async function compareInThread(base: Result, heads: readonly Result[]): Promise<Comparison[]> {
  if (waiting >= MOST_WAITING) {
    throw new ApiError("SERVICE_UNAVAILABLE", "Too many comparisons are waiting.", {
      headers: { "Retry-After": "2" },
    });
  }
  waiting++;
  const mine = last.then(() => compared({ base, heads }));
  last = mine.catch(() => {});
  try {
    return await mine;
  } finally {
    waiting--;
  }
}

export interface ToCompare {
  readonly base: Result;
  readonly heads: readonly Result[];
}

function compared(workerData: ToCompare): Promise<Comparison[]> {
  const file = `./compare-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`;
  const worker = new Worker(new URL(file, import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`The comparison ended with exit code ${code}.`)));
  });
}

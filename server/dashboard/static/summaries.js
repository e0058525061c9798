import { get } from "./api.js";
import { isOver } from "./status.js";

/** What a run that is over measured stays as it is. @type {Map<string, any>} */
const known = new Map();
const AT_ONCE = 3;

/**
 * The history tells what was asked for; what came of it stands in each run's result.
 * @param {any[]} runs
 * @param {AbortSignal} signal
 * @param {() => void} changed
 */
export async function summaries(runs, signal, changed) {
  const missing = [];
  for (const run of runs) {
    run.summary ??= known.get(run.run_id);
    if (run.summary === undefined && isOver(run.status)) missing.push(run);
  }
  if (runs.some(({ summary }) => summary !== undefined)) changed();
  if (missing.length === 0) return;
  const next = async () => {
    for (let run = missing.shift(); run !== undefined && !signal.aborted; run = missing.shift()) {
      const result = await get(`/api/v1/benchmark/result/${encodeURIComponent(run.run_id)}`, signal);
      run.summary = result.summary ?? {};
      known.set(run.run_id, run.summary);
    }
  };
  // A figure less is no reason to show no list.
  await Promise.allSettled(Array.from({ length: AT_ONCE }, next));
  if (!signal.aborted) changed();
}

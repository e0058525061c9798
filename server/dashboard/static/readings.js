/**
 * @typedef {object} Figure
 * @property {string} name as the API has it
 * @property {string} title
 * @property {string} unit
 * @property {(reading: any) => number | null | undefined} of
 * @property {boolean} [counted] grows from counters, of which a restart makes nothing that can be compared
 */

const milliseconds = (/** @type {string} */ name) => (/** @type {any} */ reading) => {
  const seconds = reading.request_metrics[name];
  return seconds === null || seconds === undefined ? undefined : 1000 * seconds;
};
const gauge = (/** @type {string} */ name) => (/** @type {any} */ reading) => reading.gpu_metrics[name];

/** What an instance is looked at by, here and in the list. @type {Record<string, Figure>} */
export const FIGURES = {
  ttft: {
    name: "time_to_first_token_seconds",
    title: "TTFT, mean",
    unit: "ms",
    of: milliseconds("time_to_first_token_seconds"),
    counted: true,
  },
  tpot: {
    name: "time_per_output_token_seconds",
    title: "TPOT, mean",
    unit: "ms",
    of: milliseconds("time_per_output_token_seconds"),
    counted: true,
  },
  e2e: {
    name: "e2e_request_latency_seconds",
    title: "E2E latency, mean",
    unit: "ms",
    of: milliseconds("e2e_request_latency_seconds"),
    counted: true,
  },
  running: {
    name: "num_requests_running",
    title: "Running",
    unit: "requests",
    of: gauge("num_requests_running"),
  },
  waiting: {
    name: "num_requests_waiting",
    title: "Waiting",
    unit: "requests",
    of: gauge("num_requests_waiting"),
  },
  cache: { name: "cache_usage_perc", title: "KV cache", unit: "%", of: gauge("cache_usage_perc") },
  throughput: {
    name: "tokens_per_second",
    title: "Throughput",
    unit: "tok/s",
    of: (reading) => reading.throughput_metrics.tokens_per_second,
    counted: true,
  },
};

/** After so many times the usual interval without a reading nothing is known of what lies between. */
const SILENCE = 3;

/**
 * The figures of each reading, and of a time in which there was none.
 * @param {readonly any[]} readings
 * @returns {{ at: number, figures: Record<string, number | undefined> }[]}
 */
export function pointsOf(readings) {
  return withSilences(readings).map(({ at, reading, before }) => {
    if (reading === undefined) return { at, figures: {} };
    const restarted = before !== undefined && fell(before, reading);
    const figures = Object.entries(FIGURES).map(([key, { name, of, counted }]) => {
      // A mean of all requests since the engine started says nothing of this moment.
      const old = reading.averaged_over?.[name] === "lifetime";
      return [key, old || (counted && restarted) ? undefined : (of(reading) ?? undefined)];
    });
    return { at, figures: Object.fromEntries(figures) };
  });
}

/** Each reading with the one before, and an empty one wherever a long time lies between two. @param {readonly any[]} readings */
function withSilences(readings) {
  const at = readings.map(({ timestamp }) => Date.parse(timestamp) / 1000);
  const steps = at.slice(1).map((moment, i) => moment - /** @type {number} */ (at[i]));
  const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
  return readings.flatMap((reading, i) => {
    const one = { at: /** @type {number} */ (at[i]), reading, before: readings[i - 1] };
    const step = steps[i - 1];
    return step !== undefined && step > SILENCE * usual
      ? [{ at: one.at - step / 2, reading: undefined, before: undefined }, one]
      : [one];
  });
}

/** Whether a total is less than it was: the engine restarted, and counts from 0. @param {any} before @param {any} reading */
function fell(before, reading) {
  return [
    [before.request_metrics.success_total, reading.request_metrics.success_total],
    [before.throughput_metrics.generation_tokens_total, reading.throughput_metrics.generation_tokens_total],
  ].some(([was, is]) => typeof was === "number" && typeof is === "number" && is < was);
}

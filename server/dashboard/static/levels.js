import { h } from "./dom.js";
import { plot } from "./plot.js";
import { table } from "./table.js";

/** @param {any} level */
export function levelName(level) {
  return level.concurrency ?? level.level;
}

/** What was measured, a row for each level. @param {readonly any[]} levels */
export function levelTable(levels) {
  const quantiles = (/** @type {string} */ title, /** @type {string} */ key) =>
    ["p50", "p95", "p99"].map((quantile) => ({
      group: title,
      title: quantile,
      unit: "ms",
      value: (/** @type {any} */ level) => level[key]?.[quantile],
    }));
  return table(
    "What each level measured",
    [
      levels.every(({ concurrency }) => typeof concurrency === "number")
        ? { title: "Concurrency", value: ({ concurrency }) => concurrency, heading: true }
        : { title: "Level", cell: ({ level }) => level, heading: true },
      { title: "Throughput", unit: "tok/s", value: (level) => level.throughput_tokens_per_sec },
      { title: "Rate", unit: "req/s", value: (level) => level.request_rate_per_sec },
      ...quantiles("TTFT", "ttft"),
      ...quantiles("TPOT", "tpot"),
      ...quantiles("E2E", "e2e_latency"),
      { title: "Requests", value: (level) => level.total_requests },
      { title: "Failed", value: (level) => level.failed_requests },
      { title: "Errors", unit: "%", value: (level) => level.error_rate_percent },
      ...(levels.some(({ goodput }) => goodput)
        ? [
            {
              title: "Goodput",
              unit: "%",
              value: (/** @type {any} */ level) => level.goodput?.goodput_percent,
            },
          ]
        : []),
    ],
    levels,
  );
}

/** Why requests failed, in the words of whoever refused them. @param {readonly any[]} levels */
export function failures(levels) {
  const rows = levels.flatMap((level) =>
    Object.entries(level.failures ?? {}).map(([reason, count]) => ({
      level: levelName(level),
      reason,
      count: /** @type {number} */ (count),
      example: level.failure_examples?.[reason],
    })),
  );
  if (rows.length === 0) return undefined;
  return h(
    "section",
    {},
    h("h2", {}, "Failures"),
    table(
      "Failed requests by reason",
      [
        { title: "Level", cell: ({ level }) => level, heading: true },
        { title: "Reason", cell: ({ reason }) => reason },
        { title: "Requests", value: ({ count }) => count },
        { title: "One of them", wrap: true, cell: ({ example }) => example },
      ],
      rows,
    ),
  );
}

/**
 * @param {readonly any[]} levels
 * @param {AbortSignal} signal
 */
export function levelPlots(levels, signal) {
  const rows = levels
    .filter(({ concurrency }) => typeof concurrency === "number")
    .toSorted((a, b) => a.concurrency - b.concurrency);
  if (rows.length === 0) return undefined;
  const x = rows.map(({ concurrency }) => concurrency);
  const quantiles = (/** @type {string} */ title, /** @type {string} */ key) =>
    rows.some((level) => level[key]) && {
      title,
      xLabel: "concurrency",
      yLabel: "ms",
      x,
      xScale: /** @type {const} */ ("log"),
      series: ["p50", "p95", "p99"].map((label) => ({
        label,
        values: rows.map((level) => level[key]?.[label]),
      })),
    };
  const plots = [
    tradeOff(rows),
    quantiles("TTFT, time to first token", "ttft"),
    quantiles("TPOT, time per output token", "tpot"),
    quantiles("E2E latency", "e2e_latency"),
    rows.some(({ goodput }) => goodput) && {
      title: "Goodput",
      xLabel: "concurrency",
      yLabel: "% of requests",
      x,
      xScale: /** @type {const} */ ("log"),
      series: [{ label: "goodput", values: rows.map(({ goodput }) => goodput?.goodput_percent) }],
    },
  ];
  return h("div", { class: "plots" }, ...plots.map((one) => one && plot(one, signal).element));
}

/** More tokens a second are paid for in latency: each point is a level. @param {readonly any[]} rows */
function tradeOff(rows) {
  const known = rows
    .filter((level) => level.throughput_tokens_per_sec && level.e2e_latency)
    .toSorted((a, b) => a.throughput_tokens_per_sec - b.throughput_tokens_per_sec);
  return {
    title: "Latency against throughput, by concurrency",
    xLabel: "tok/s",
    yLabel: "E2E ms",
    x: known.map((level) => level.throughput_tokens_per_sec),
    marks: known.map(({ concurrency }) => String(concurrency)),
    series: ["p50", "p95"].map((label) => ({
      label,
      values: known.map(({ e2e_latency }) => e2e_latency[label]),
    })),
  };
}

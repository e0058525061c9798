import { fill, h } from "./dom.js";
import { moment } from "./format.js";
import { plot } from "./plot.js";
import { FIGURES, pointsOf } from "./readings.js";
import { table } from "./table.js";

/** Plots, each of figures with one unit. */
const PLOTS = [
  { title: "TTFT, mean of the requests since the reading before", figures: ["ttft"] },
  { title: "TPOT, mean of the requests since the reading before", figures: ["tpot"] },
  { title: "E2E latency, mean of the requests since the reading before", figures: ["e2e"] },
  { title: "Requests", figures: ["running", "waiting"] },
  { title: "KV cache in use", figures: ["cache"] },
  { title: "Throughput", figures: ["throughput"] },
];

/**
 * How an instance's figures went, with a gap wherever there was none.
 * @param {AbortSignal} signal
 */
export function trends(signal) {
  /** @type {Map<string, ReturnType<typeof plot>>} */
  const drawn = new Map();
  const grid = h("div", { class: "plots" });
  const missing = h("div");
  const body = h("div");
  const rows = h("details", {}, h("summary", {}, "All readings"), body);
  /** @type {readonly any[]} */
  let now = [];
  const tell = () => rows.open && fill(body, readingTable(now));
  rows.addEventListener("toggle", tell);
  return {
    element: h("div", {}, grid, missing, rows),
    /** @param {readonly any[]} readings the oldest first */
    update(readings) {
      now = readings;
      const points = pointsOf(readings);
      const shown = PLOTS.flatMap(({ title, figures }) => {
        const series = figures.map((key) => ({
          label: figureOf(key).title,
          values: points.map(({ figures: known }) => known[key]),
        }));
        if (!series.some(({ values }) => values.some((value) => value !== undefined))) return [];
        const one = {
          title,
          xLabel: "time",
          yLabel: figureOf(figures[0]).unit,
          x: points.map(({ at }) => at),
          xScale: /** @type {const} */ ("time"),
          gaps: true,
          series,
        };
        const known = drawn.get(title);
        if (known) known.update(one);
        else drawn.set(title, plot(one, signal));
        return [/** @type {ReturnType<typeof plot>} */ (drawn.get(title)).element];
      });
      // What stands there already keeps its place, and with it what the pointer is at.
      if (shown.length !== grid.childElementCount || shown.some((one, i) => grid.children[i] !== one))
        fill(grid, ...shown);
      fill(missing, notShown(readings, shown.length));
      tell();
    },
  };
}

/** @param {string | undefined} key */
function figureOf(key) {
  return /** @type {import("./readings.js").Figure} */ (FIGURES[key ?? ""]);
}

/** What is missing, and why. @param {readonly any[]} readings @param {number} plots */
function notShown(readings, plots) {
  const last = readings.at(-1);
  const reasons = Object.values(FIGURES).flatMap(({ name, title }) => {
    const reason = last?.unavailable_reasons?.[name];
    return reason === undefined ? [] : [`${title}: ${reason}.`];
  });
  return [
    plots === 0 && h("p", { class: "empty" }, "Nothing can be plotted yet: wait for the next readings."),
    h(
      "p",
      { class: "hint" },
      "A gap is a time without readings, without requests that ended, or in which the engine restarted.",
    ),
    reasons.length > 0 && h("p", { class: "hint" }, `Not in the last reading: ${reasons.join(" ")}`),
  ];
}

/** @param {readonly any[]} readings */
function readingTable(readings) {
  return table(
    "All readings, the newest first",
    [
      { title: "Read", cell: ({ timestamp }) => moment(timestamp), heading: true },
      ...Object.values(FIGURES).map(({ title, unit, of }) => ({ title, unit, value: of })),
      {
        title: "",
        wrap: true,
        cell: ({ warnings = [] }) => warnings.map((/** @type {string} */ text) => `! ${text}`).join(" "),
      },
    ],
    readings.toReversed(),
  );
}

import { fill, h } from "./dom.js";
import { moment, NOTHING, number } from "./format.js";
import uPlot from "./uPlot.esm.js";

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {readonly (number | null | undefined)[]} values
 */

/**
 * @typedef {object} Plot
 * @property {string} title
 * @property {string} xLabel
 * @property {string} yLabel with its unit
 * @property {readonly (number | null)[]} x
 * @property {readonly Series[]} series
 * @property {"log" | "linear" | "time"} [xScale] "log" for levels of load, which double; "time" for seconds since 1970
 * @property {boolean} [gaps] whether a line breaks where a value is missing
 * @property {readonly string[]} [marks] what stands at the points of the first series
 */

/** Dashes and points differ too, for who sees no colours. */
const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3], [12, 4]];
const SIGNS = ["●", "■", "▲", "◆", "○"];
const COLOURS = 5;
/** More would hide the line. */
const MOST_SIGNS = 40;
const A_MINUTE = 60;
const A_DAY = 86_400;

/**
 * Drawn again when the page's width or its colours change, until the signal says so.
 * @param {Plot} first
 * @param {AbortSignal} signal
 * @returns {{ element: HTMLElement, update: (plot: Plot) => void }}
 */
export function plot(first, signal) {
  const canvas = h("div", { class: "plot-canvas" });
  const legend = h("ul", { class: "legend" });
  const readout = h("p", { class: "readout", "aria-hidden": "true" });
  const element = h(
    "figure",
    { class: "plot", role: "img", "aria-label": described(first) },
    h("figcaption", {}, first.title),
    canvas,
    legend,
    readout,
  );
  let now = first;
  /** @type {any} */
  let chart;
  const draw = () => {
    chart?.destroy();
    const width = canvas.clientWidth;
    chart = width > 0 ? new uPlot(optionsOf(now, width, readout, element), dataOf(now), canvas) : undefined;
    // A single series is what the title says already.
    if (now.series.length > 1) fill(legend, ...now.series.map(({ label }, i) => legendEntry(label, i)));
  };
  const resized = new ResizeObserver(() => {
    if (chart === undefined || Math.abs(chart.width - canvas.clientWidth) > 1) draw();
  });
  resized.observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw, { signal });
  signal.addEventListener("abort", () => {
    resized.disconnect();
    chart?.destroy();
  });
  return {
    element,
    update(next) {
      now = next;
      element.setAttribute("aria-label", described(next));
      if (chart === undefined) draw();
      else chart.setData(dataOf(next));
    },
  };
}

/** @param {Plot} plot */
function described({ title, xLabel, yLabel, x, series }) {
  return `${title}: ${yLabel} by ${xLabel}, ${series.map(({ label }) => label).join(", ")}; ${x.length} points. The table has the same figures.`;
}

/** @param {string} label @param {number} i */
function legendEntry(label, i) {
  return h(
    "li",
    { class: `series-${i % COLOURS}` },
    h("span", { "aria-hidden": "true" }, SIGNS[i % 5]),
    label,
  );
}

/** @param {Plot} plot */
function dataOf({ x, series }) {
  return [x, ...series.map(({ values }) => values.map((value) => value ?? null))];
}

/**
 * @param {Plot} plot
 * @param {number} width
 * @param {HTMLElement} readout
 * @param {HTMLElement} element
 */
function optionsOf({ xLabel, yLabel, series, xScale = "linear", gaps, marks, x }, width, readout, element) {
  const style = getComputedStyle(element);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis = (/** @type {string} */ label) => ({
    label,
    labelSize: 18,
    labelFont: font,
    font,
    stroke: colour("--muted"),
    grid: { stroke: colour("--rule"), width: 1 },
    ticks: { stroke: colour("--rule"), width: 1, size: 4 },
  });
  return {
    width,
    height: 240,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: xScale === "time", ...(xScale === "log" && { distr: 3, log: 2 }), range: rangeOf(xScale) },
      y: {
        range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [
          0,
          most > 0 ? most * 1.08 : 1,
        ],
      },
    },
    axes: [
      {
        ...axis(xLabel),
        size: 32,
        values: (...[, ticks, , , step]) => ticks.map(tickOf(xScale, step)),
        ...(xScale === "time" && { space: 70 }),
        // Levels are few: each has its mark, and nothing between them has one.
        ...(xScale === "log" && {
          splits: () => spread(x),
          filter: (_, /** @type {number[]} */ ticks) => ticks,
        }),
      },
      {
        ...axis(yLabel),
        size: 58,
        values: (/** @type {any} */ _, /** @type {number[]} */ ticks) =>
          ticks.map((tick) => tick.toLocaleString("en-US")),
      },
    ],
    series: [
      {},
      ...series.map(({ label }, i) => ({
        label,
        stroke: colour(`--series-${i % COLOURS}`),
        width: 2,
        dash: DASHES[i % 5],
        spanGaps: gaps !== true,
        points: { show: false },
      })),
    ],
    hooks: {
      drawSeries: [
        (/** @type {any} */ chart, /** @type {number} */ i) => {
          const few = chart.data[0].length <= MOST_SIGNS;
          if (few || gaps) {
            drawSigns(chart, i, colour(`--series-${(i - 1) % COLOURS}`), !few);
            if (i === 1 && marks !== undefined) drawMarks(chart, marks, colour("--muted"), style.fontFamily);
          }
        },
      ],
      setCursor: [
        (/** @type {any} */ chart) => {
          const { idx } = chart.cursor;
          readout.textContent =
            idx === null || idx === undefined
              ? ""
              : `${xScale === "time" ? momentOf(chart.data[0][idx]) : `${xLabel} ${number(chart.data[0][idx])}`}: ${series
                  .map(({ label }, i) => `${label} ${number(chart.data[i + 1][idx]) ?? NOTHING}`)
                  .join(" · ")}`;
        },
      ],
    },
  };
}

/**
 * The points look as in the legend.
 * @param {any} chart
 * @param {number} i of the series, from 1
 * @param {string} colour
 * @param {boolean} onlyAlone those that no line leads to
 */
function drawSigns(chart, i, colour, onlyAlone) {
  const { ctx, data } = chart;
  ctx.save();
  ctx.fillStyle = colour;
  ctx.font = `${12 * devicePixelRatio}px sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const [j, value] of data[i].entries()) {
    if (value === null) continue;
    if (onlyAlone && (typeof data[i][j - 1] === "number" || typeof data[i][j + 1] === "number")) continue;
    const [x, y] = [chart.valToPos(data[0][j], "x", true), chart.valToPos(value, "y", true)];
    ctx.fillText(SIGNS[(i - 1) % SIGNS.length], x, y);
  }
  ctx.restore();
}

/**
 * @param {any} chart
 * @param {readonly string[]} marks
 * @param {string} colour
 * @param {string} family
 */
function drawMarks({ ctx, data, valToPos, bbox }, marks, colour, family) {
  ctx.save();
  ctx.fillStyle = colour;
  ctx.font = `${11 * devicePixelRatio}px ${family}`;
  ctx.textAlign = "right";
  let free = Number.NEGATIVE_INFINITY;
  for (const [j, mark] of marks.entries()) {
    if (data[1][j] === null) continue;
    const x = valToPos(data[0][j], "x", true);
    const width = ctx.measureText(mark).width;
    // One that would cover its neighbour is left out; the table has them all.
    if (x - width < free) continue;
    free = x + 4 * devicePixelRatio;
    const y = valToPos(data[1][j], "y", true) + 16 * devicePixelRatio;
    ctx.fillText(mark, Math.max(x, bbox.left + width), y);
  }
  ctx.restore();
}

/** @param {string} scale */
function rangeOf(scale) {
  return (/** @type {any} */ _, /** @type {number} */ least, /** @type {number} */ most) => {
    if (least === null || most === null) return scale === "log" ? [1, 2] : [0, 1];
    if (scale === "log") return [least / 1.2, most * 1.2];
    if (scale === "time" && least === most) return [least - A_MINUTE, most + A_MINUTE];
    return least === most ? [least, least + 1] : [least, most];
  };
}

/** @param {string} scale @param {number} step between two ticks */
function tickOf(scale, step) {
  return (/** @type {number | null} */ tick) => {
    if (tick === null) return "";
    // All of the moment is in the readout.
    return scale === "time"
      ? momentOf(tick).slice(...(step >= A_DAY ? [5, 10] : [11, step < A_MINUTE ? 19 : 16]))
      : String(Number(tick.toPrecision(6)));
  };
}

/** @param {number} seconds since 1970 */
function momentOf(seconds) {
  return moment(new Date(1000 * seconds).toISOString());
}

/** @param {readonly (number | null)[]} x */
function spread(x) {
  const known = [...new Set(x.filter((value) => value !== null))];
  const kept = [];
  for (const value of known) {
    if (kept.length === 0 || value / /** @type {number} */ (kept.at(-1)) >= 1.3) kept.push(value);
  }
  return kept;
}

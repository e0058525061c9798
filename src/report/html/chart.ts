import type { ScaleContinuousNumeric } from "d3-scale";
import {
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
} from "d3-shape";
import { htmlText } from "../escape.ts";

/** What every plot shares: its size, its frame with grid and tick labels, and how levels are told apart. */

export type Scale = ScaleContinuousNumeric<number, number>;

/** In the units of the view box; the page scales it to the column. */
export const WIDTH = 380;
export const HEIGHT = 220;
export const PLOT = { left: 46, right: WIDTH - 36, top: 12, bottom: HEIGHT - 26 } as const;

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface ChartSpec {
  readonly title: string;
  /** The unit and what one needs to read it. */
  readonly unit: string;
  readonly x: { readonly scale: Scale; readonly ticks: readonly Tick[] };
  readonly y: { readonly scale: Scale; readonly ticks: readonly Tick[] };
  readonly marks: string;
}

/** A figure with its caption; the marks are drawn over the grid. */
export function chart({ title, unit, x, y, marks }: ChartSpec): string {
  const rows = y.ticks.map(({ at, label }) => {
    const py = px(y.scale(at));
    return `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${py}" y2="${py}"/><text x="${PLOT.left - 6}" y="${px(py + 4)}" text-anchor="end">${htmlText(label)}</text>`;
  });
  const columns = withLabelsApart(x.ticks, x.scale).map(({ at, label }) => {
    const at_ = px(x.scale(at));
    return `<line class="grid" x1="${at_}" x2="${at_}" y1="${PLOT.bottom}" y2="${PLOT.bottom + 4}"/>${label === "" ? "" : `<text x="${at_}" y="${PLOT.bottom + 18}" text-anchor="middle">${htmlText(label)}</text>`}`;
  });
  return [
    `<figure class="plot card"><figcaption>${htmlText(title)} <span>${htmlText(unit)}</span></figcaption>`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${htmlText(`${title}, ${unit}`)}">`,
    ...rows,
    ...columns,
    marks,
    "</svg></figure>",
  ].join("\n");
}

/** Of a letter of a tick's label, about, and what stays free between two of them. */
const LETTER_WIDTH = 6;
const LABEL_GAP = 6;

/** The same ticks, without the labels that would touch the one before. */
function withLabelsApart(ticks: readonly Tick[], scale: Scale): readonly Tick[] {
  let free = Number.NEGATIVE_INFINITY;
  return ticks.map(({ at, label }) => {
    const half = (label.length * LETTER_WIDTH) / 2;
    if (scale(at) - half < free) return { at, label: "" };
    free = scale(at) + half + LABEL_GAP;
    return { at, label };
  });
}

/** A caption in place of axes where there is nothing to draw. */
export function emptyChart(title: string, unit: string): string {
  return [
    `<figure class="plot card"><figcaption>${htmlText(title)} <span>${htmlText(unit)}</span></figcaption>`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${htmlText(title)}: nothing was measured">`,
    `<text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle">nothing was measured</text>`,
    "</svg></figure>",
  ].join("\n");
}

/** A tenth of a pixel is finer than any screen, and a figure that is no number must not reach the page. */
export function px(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError("A plot was given a position that is no number.");
  return Math.round(value * 10) / 10;
}

export function title(text: string): string {
  return `<title>${htmlText(text)}</title>`;
}

/** Heights for labels that would lie on each other, pushed apart and kept inside the plot. */
export function spread(heights: readonly number[], gap = 13): readonly number[] {
  const order = heights.map((_, i) => i).sort((a, b) => heights[a]! - heights[b]!);
  const placed = [...heights];
  let floor = PLOT.top;
  for (const i of order) {
    placed[i] = Math.max(placed[i]!, floor);
    floor = placed[i]! + gap;
  }
  let ceiling: number = PLOT.bottom;
  for (const i of order.toReversed()) {
    placed[i] = Math.min(placed[i]!, ceiling);
    ceiling = placed[i]! - gap;
  }
  return placed;
}

const COLORS = 6;
const DASHES = ["none", "7 3", "2 3", "9 3 2 3"] as const;
const MARKERS = [symbolCircle, symbolSquare, symbolTriangle, symbolDiamond, symbolCross, symbolStar] as const;

/** Colour, dash and marker of the i-th level; the cycles differ in length, so twelve levels stay distinct. */
export function colorClass(level: number): string {
  return `c${level % COLORS}`;
}

export function dash(level: number): string {
  return DASHES[level % DASHES.length]!;
}

export function marker(level: number, x: number, y: number, size = 46): string {
  const shape = symbol(MARKERS[level % MARKERS.length]!, size)() ?? "";
  return `<path class="mark" d="${shape}" transform="translate(${px(x)} ${px(y)})"/>`;
}

export function legend(levels: readonly { readonly name: string; readonly index: number }[]): string {
  if (levels.length < 2) return "";
  const items = levels.map(
    ({ name, index: i }) =>
      `<li class="${colorClass(i)}"><svg width="34" height="14" aria-hidden="true"><line class="line" x1="1" x2="33" y1="7" y2="7" stroke-dasharray="${dash(i)}"/>${marker(i, 17, 7)}</svg>${htmlText(name, 80)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

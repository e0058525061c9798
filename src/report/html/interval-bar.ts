import { scaleLinear } from "d3-scale";
import { symbol, symbolCircle, symbolDiamond, symbolSquare } from "d3-shape";
import type { Outcome } from "../../result.ts";
import { outcomeWords, type SloRow } from "../slo-rows.ts";
import { px, title } from "./chart.ts";

const WIDTH = 240;
const HEIGHT = 30;
const MIDDLE = HEIGHT / 2;

/** An objective as a picture: where the interval lies against the limit, and which side meets it. */
export function intervalBar(row: SloRow): string {
  const { observed, interval, limit, op, unit } = row.source;
  const x = scaleLinear(domainOf([observed, interval?.[0], interval?.[1], limit], unit === "ratio"), [
    6,
    WIDTH - 6,
  ]);
  const at = px(x(limit));
  const below = op === "<" || op === "<=";
  const good = below ? [0, at] : [at, WIDTH];
  const words = `observed ${row.observed}, interval ${row.interval}, limit ${row.limit}: ${outcomeWords(row)}`;
  return [
    `<svg class="bar" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${words}">${title(words)}`,
    `<rect class="good" x="${good[0]}" y="4" width="${px(good[1]! - good[0]!)}" height="${HEIGHT - 8}"/>`,
    `<line class="track" x1="0" x2="${WIDTH}" y1="${MIDDLE}" y2="${MIDDLE}"/>`,
    interval === undefined ? "" : span(interval, x),
    `<line class="limit" x1="${at}" x2="${at}" y1="2" y2="${HEIGHT - 2}"/>`,
    observed === undefined || !Number.isFinite(observed) ? noSamples(at) : dot(row.outcome, x(observed)),
    "</svg>",
  ].join("");
}

/** What the parts of the picture mean, shown once under the table. */
export function intervalKey(): string {
  const item = (drawing: string, words: string) =>
    `<span><svg class="bar" style="width:26px;height:16px" viewBox="0 7 26 16" aria-hidden="true">${drawing}</svg>${words}</span>`;
  return `<div class="key none">${[
    item('<rect class="span" x="1" y="11" width="24" height="8" rx="4"/>', "interval"),
    item(dot("met", 13), "observed"),
    item('<line class="limit" x1="13" x2="13" y1="8" y2="22"/>', "limit"),
    item('<rect class="good" x="1" y="8" width="24" height="14"/>', "the side that meets it"),
  ].join("")}</div>`;
}

/** The outcome has its own shape, because the colour alone must not tell it. */
function dot(outcome: Outcome, x: number): string {
  const shape = { met: symbolCircle, violated: symbolDiamond, inconclusive: symbolSquare }[outcome];
  return `<path class="dot" d="${symbol(shape, 60)() ?? ""}" transform="translate(${px(x)} ${MIDDLE})"/>`;
}

function span([low, high]: readonly [number | null, number | null], x: (value: number) => number): string {
  const from = low === null ? 8 : x(low);
  const to = high === null ? WIDTH - 8 : x(high);
  // A bound that the samples cannot give is an arrow: it may lie anywhere beyond.
  const left = low === null ? `<path class="arrow" d="M8 ${MIDDLE - 7}L0 ${MIDDLE}L8 ${MIDDLE + 7}Z"/>` : "";
  const right =
    high === null
      ? `<path class="arrow" d="M${WIDTH - 8} ${MIDDLE - 7}L${WIDTH} ${MIDDLE}L${WIDTH - 8} ${MIDDLE + 7}Z"/>`
      : "";
  const width = Math.max(2, to - from);
  const round = low === null || high === null ? 0 : Math.min(4, width / 2);
  return `<rect class="span" x="${px(from)}" y="${MIDDLE - 4}" width="${px(width)}" height="8" rx="${px(round)}"/>${left}${right}`;
}

function noSamples(limitAt: number): string {
  const left = limitAt > WIDTH / 2;
  return `<text x="${left ? 8 : WIDTH - 8}" y="${MIDDLE - 4}" text-anchor="${left ? "start" : "end"}">no samples</text>`;
}

function domainOf(values: readonly (number | null | undefined)[], ratio: boolean): [number, number] {
  const finite = values.filter((value) => typeof value === "number" && Number.isFinite(value)) as number[];
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const margin = (high - low) * 0.2 || Math.abs(high) * 0.5 || 1;
  const from = low >= 0 ? Math.max(0, low - margin) : low - margin;
  return [from, ratio && high <= 1 ? Math.min(1, high + margin) : high + margin];
}

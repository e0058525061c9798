import type { LevelResult, Result } from "../../result.ts";
import { LATENCIES } from "../../result.ts";
import { changeCell, hasBaseColumn } from "../against-base.ts";
import { htmlText } from "../escape.ts";
import { formatCount } from "../format.ts";
import {
  ALL_QUANTILES,
  type Figure,
  LATENCY_NAMES,
  latencyCells,
  mainFigures,
  quantileName,
} from "../level-figures.ts";
import { BASE_HEAD, outcomeKind, outcomeWords, type SloRow, sloRows } from "../slo-rows.ts";
import { SYMBOLS } from "../verdict.ts";
import { intervalBar, intervalKey } from "./interval-bar.ts";

/** Each objective at each load: figures, picture and verdict side by side. */
export function objectivesTable(result: Result): string {
  const rows = sloRows(result);
  if (rows.length === 0) return "";
  const compared = hasBaseColumn(result);
  return [
    `<div class="card"><div class="scroll"><table class="slo${compared ? " compared" : ""}">`,
    `<thead><tr><th>Load</th><th>Objective</th><th class="num">Observed</th><th class="num">Interval</th><th>Against the limit</th><th class="num">Samples</th>${compared ? `<th>${BASE_HEAD}</th>` : ""}<th>Verdict</th></tr></thead><tbody>`,
    ...rows.map((row, i) => objectiveRow(row, rows[i - 1]?.level === row.level, compared)),
    `</tbody></table></div>${intervalKey()}</div>`,
  ].join("\n");
}

function objectiveRow(row: SloRow, repeated: boolean, compared: boolean): string {
  const why = row.explanation === undefined ? "" : `<div class="why">${htmlText(row.explanation)}</div>`;
  return [
    `<tr class="${outcomeKind(row)}">`,
    `<th scope="row"${repeated ? ' class="repeated"' : ""}><span>${htmlText(row.level, 80)}</span></th>`,
    `<td class="wide objective"><code>${htmlText(row.objective, 160)}</code>${why}</td>`,
    `<td class="num" data-head="observed">${row.observed}</td>`,
    `<td class="num" data-head="interval">${row.interval}</td>`,
    `<td class="wide">${intervalBar(row)}</td>`,
    `<td class="num" data-head="samples">${row.samples}</td>`,
    compared
      ? `<td class="change ${row.againstBase?.outcome ?? "unclear"}" data-head="against base">${changeCell(row.againstBase)}</td>`
      : "",
    `<td class="word">${SYMBOLS[outcomeKind(row)]} ${outcomeWords(row)}</td>`,
    "</tr>",
  ].join("");
}

/** The figures of every level, under the same heads as in the text report. */
export function levelsTable({ levels }: Result): string {
  return levels.length === 0 ? "" : figuresTable(levels, mainFigures(levels));
}

/** A row per level and a column per figure, grouped under their heads. */
export function figuresTable(levels: readonly LevelResult[], figures: readonly Figure[]): string {
  const leads = (i: number) => (figures[i - 1]?.group === figures[i]!.group ? "" : " first");
  return [
    '<div class="card scroll"><table class="figures"><thead>',
    `<tr class="over"><th></th>${spans(figures)}</tr>`,
    `<tr><th>Load</th>${figures.map(({ name }, i) => `<th class="num${leads(i)}">${name}</th>`).join("")}</tr></thead><tbody>`,
    ...levels.map(
      (level) =>
        `<tr><th scope="row">${htmlText(level.name, 80)}</th>${figures.map(({ cell }, i) => `<td class="num${leads(i)}">${htmlText(cell(level))}</td>`).join("")}</tr>`,
    ),
    "</tbody></table></div>",
  ].join("\n");
}

function spans(figures: readonly Figure[]): string {
  const groups = [...new Set(figures.map(({ group }) => group))];
  return groups
    .map(
      (group) =>
        `<th class="first" colspan="${figures.filter((figure) => figure.group === group).length}">${group}</th>`,
    )
    .join("");
}

/** Every latency with every quantile, for those who want the tail. */
export function latencyTable({ levels }: Result): string {
  const rows = levels.flatMap((level) =>
    LATENCIES.flatMap((name) => {
      const stats = level.metrics[name];
      if (stats === undefined) return [];
      const cells = [formatCount(stats.count), ...latencyCells(stats)];
      return `<tr><th scope="row">${htmlText(level.name, 80)}</th><td>${LATENCY_NAMES[name]}</td>${cells.map((cell) => `<td class="num">${cell}</td>`).join("")}</tr>`;
    }),
  );
  if (rows.length === 0) return "";
  const heads = ["count", ...ALL_QUANTILES.map(quantileName)];
  return [
    '<div class="scroll"><table><thead>',
    `<tr><th>Load</th><th>ms</th>${heads.map((name) => `<th class="num">${name}</th>`).join("")}</tr></thead><tbody>`,
    ...rows,
    "</tbody></table></div>",
  ].join("\n");
}

export function failuresTable({ levels }: Result): string {
  const rows = levels.flatMap((level) =>
    Object.entries(level.requests.failures).map(
      ([reason, count]) =>
        `<tr><th scope="row">${htmlText(level.name, 80)}</th><td class="reason"><code>${htmlText(reason, 40)}</code></td><td class="num">${formatCount(count)}</td><td class="example"><code>${htmlText(level.failure_examples[reason] ?? "", 300)}</code></td></tr>`,
    ),
  );
  if (rows.length === 0) return "";
  return [
    '<div class="card scroll"><table><thead><tr><th>Load</th><th>Reason</th><th class="num">Count</th><th>An example</th></tr></thead><tbody>',
    ...rows,
    "</tbody></table></div>",
  ].join("\n");
}

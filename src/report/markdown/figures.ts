import { markdownTable } from "markdown-table";
import type { LevelResult, Result } from "../../result.ts";
import { LATENCIES } from "../../result.ts";
import { markdownCode } from "../escape.ts";
import { ABSENT, formatCount, formatMoment, formatSeconds } from "../format.ts";
import {
  ALL_QUANTILES,
  LATENCY_NAMES,
  latencyCells,
  quantileName,
  scalarFigures,
  shortFigures,
} from "../level-figures.ts";
import { describeLoad, lightestFirst } from "../load-label.ts";
import { LOOSE } from "./objectives.ts";
import { seriesOf, tellingBars } from "./over-time-bars.ts";

/** More columns than this are not compared along a row. */
const MOST_COLUMNS = 5;
/** As many loads as are told in words. */
const MOST_LOADS = 8;

/**
 * How much each level did, and how fast; where no objective has a row, the course of TTFT stands here. A
 * column per level, so that nothing is wider than a comment, or a row per level where they are many.
 */
export function levelTable({ levels }: Result, bars: boolean): string {
  if (levels.length === 0) return "";
  const ordered = lightestFirst(levels).map((i) => levels[i]!);
  const courses = bars ? ordered.map((level) => tellingBars(seriesOf(level, "ttft_p95"))) : [];
  const rows: readonly (readonly string[])[] = [
    ...shortFigures(ordered).map(({ group, name, cell }) => [headOf(group, name), ...ordered.map(cell)]),
    // Last, so that every other line is the same without it.
    ...(courses.some((course) => course !== undefined)
      ? [["TTFT p95 over time", ...courses.map((course) => (course === undefined ? "" : `\`${course}\``))]]
      : []),
  ];
  const table = [["Load", ...ordered.map(({ name }) => markdownCode(name, 60))], ...rows];
  const laid = levels.length <= MOST_COLUMNS ? table : transposed(table);
  const align = laid[0]!.map((_, i) => (i === 0 ? "l" : "r"));
  return `${markdownTable(laid, { align, ...LOOSE })}\n\n<sub>Latencies in milliseconds.</sub>`;
}

function transposed(table: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return table[0]!.map((_, column) => table.map((row) => row[column]!));
}

/** "TTFT ms" over "p50" becomes "TTFT p50": one row of heads is all that Markdown has. */
function headOf(group: string, name: string): string {
  if (group === "Per second") return name === "requests" ? "req/s" : "tok/s";
  if (group === "Requests") return name === "ok" ? "OK" : "Failed";
  return `${group.replace(/ ms$/, "")} ${name}`;
}

/** Every figure there is, for a fold. */
export function fullFigures({ levels }: Result): string {
  if (levels.length === 0) return "";
  const ordered = lightestFirst(levels).map((i) => levels[i]!);
  return [latencyTable(ordered), ...chunked(ordered, MOST_COLUMNS).map(scalarTable)].join("\n\n");
}

/** What was asked for, and on what machine. */
export function measuredHow(result: Result): string {
  const { levels, plan, environment } = result;
  const loads = levels.slice(0, MOST_LOADS).map(({ load }) => describeLoad(load));
  const hidden = levels.length - loads.length;
  const facts: readonly (readonly [string, string])[] = [
    ["Run", markdownCode(result.run_id, 80)],
    ["Started", markdownCode(formatMoment(result.started_at), 40)],
    ["Took", formatSeconds(result.duration_seconds)],
    ["Load", `${loads.join("; ")}${hidden > 0 ? `; and ${hidden} more` : ""}`],
    ["Tokens", `${formatCount(plan.input_tokens)} in, ${formatCount(plan.output_tokens)} out`],
    ["Protocol", markdownCode(result.target.protocol, 60)],
    [
      "Generator",
      markdownCode(`${result.generator}, Node ${environment.node}, ${environment.platform}`, 120),
    ],
    ["Machine", markdownCode(`${environment.cpu}, ${environment.cores} cores`, 120)],
    ["Seed", markdownCode(String(plan.seed))],
    ["Plan", markdownCode(plan.hash, 80)],
  ];
  return markdownTable(
    facts.filter(([, fact]) => fact !== ""),
    { align: ["l", "l"], ...LOOSE },
  );
}

function latencyTable(levels: readonly LevelResult[]): string {
  const several = levels.length > 1;
  const heads = [
    ...(several ? ["Load"] : []),
    "ms",
    "count",
    ...ALL_QUANTILES.map((quantile) => quantileName(quantile)),
  ];
  const cells = levels.flatMap((level) =>
    LATENCIES.flatMap((name) => {
      const stats = level.metrics[name];
      return stats === undefined ? [] : [{ level, name, stats }];
    }),
  );
  if (cells.length === 0) return "No latency was measured.";
  const rows = cells.map(({ level, name, stats }, i) => [
    ...(several ? [cells[i - 1]?.level === level ? "" : markdownCode(level.name, 60)] : []),
    LATENCY_NAMES[name],
    formatCount(stats.count),
    ...latencyCells(stats),
  ]);
  const align = heads.map((head) => (head === "Load" || head === "ms" ? "l" : "r"));
  return markdownTable([heads, ...rows], { align, ...LOOSE });
}

/** A row per figure and a column per level: figures are compared along a row. */
function scalarTable(levels: readonly LevelResult[]): string {
  const figures = levels.map((level) => new Map(scalarFigures(level)));
  const names = [...new Set(figures.flatMap((figure) => [...figure.keys()]))];
  return markdownTable(
    [
      ["Figure", ...levels.map(({ name }) => markdownCode(name, 60))],
      ...names.map((name) => [name, ...figures.map((figure) => figure.get(name) ?? ABSENT)]),
    ],
    { align: ["l", ...levels.map(() => "r")], ...LOOSE },
  );
}

function chunked<T>(values: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, i) =>
    values.slice(i * size, (i + 1) * size),
  );
}

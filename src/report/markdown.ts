import { markdownTable } from "markdown-table";
import type { Finding, LevelResult, Result } from "../result.ts";
import { LATENCIES } from "../result.ts";
import { changeCell, hasBaseColumn } from "./against-base.ts";
import { markdownCode, markdownText } from "./escape.ts";
import { fitted, type Part } from "./fitted.ts";
import { ABSENT, formatCount, formatMoment, formatSeconds, formatValue } from "./format.ts";
import {
  ALL_QUANTILES,
  LATENCY_NAMES,
  latencyCells,
  quantileName,
  SHORT_FIGURES,
  scalarFigures,
} from "./level-figures.ts";
import { comparisonSummary, comparisonTable } from "./markdown-comparison.ts";
import { serverTable } from "./markdown-server.ts";
import { mermaidCharts } from "./mermaid.ts";
import { BASE_HEAD, SLO_HEADS, type SloRow, sloRows } from "./slo-rows.ts";
import { sparkline } from "./sparkline.ts";
import { confidenceWords, describeVerdict, EMOJI } from "./verdict.ts";

export interface MarkdownOptions {
  /** What precedes the verdict in the heading, for example a job's name. */
  readonly title?: string;
  /** Level of the heading, 1 to 4. */
  readonly headingLevel?: number;
  /** Mermaid charts and sparklines, sparklines only, or neither; the figures are the same. */
  readonly charts?: "mermaid" | "unicode" | "none";
  /** Parts are left out, in a fixed order, until the report is no longer than this many UTF-16 units. */
  readonly maxChars?: number;
  /** Where the full report is; an https address the caller vouches for. */
  readonly reportUrl?: string;
}

/** The report for report.md, a job's summary and a pull request's comment. */
export function renderMarkdown(result: Result, options: MarkdownOptions = {}): string {
  const charts = options.charts ?? "mermaid";
  const rows = sloRows(result);
  const parts: readonly Part[] = [
    { text: head(result, options) },
    {
      text: objectiveTable(result, rows),
      shorter: [FEW_ROWS, 8, 3].map((most) => objectiveTable(result, rows, most)),
      drop: 8,
      name: "objectives",
    },
    { text: reasons(rows), drop: 5, name: "reasons" },
    { text: comparisonSummary(result) },
    { text: levelTable(result), drop: 7, name: "load levels" },
    { text: charts === "none" ? "" : overTime(result), drop: 3, name: "sparklines" },
    { text: findings(result), shorter: [findingNames(result)], drop: 4, name: "advice on findings" },
    { text: failures(result), drop: 6, name: "failures" },
    {
      text: folded("Against the baseline, every figure", comparisonTable(result)),
      drop: 2.2,
      name: "comparison",
    },
    { text: folded("The server's own figures", serverTable(result)), drop: 2.5, name: "server's figures" },
    { text: charts === "mermaid" ? folded("Charts", mermaidCharts(result)) : "", drop: 1, name: "charts" },
    { text: folded("Full figures", fullFigures(result)), drop: 2, name: "full figures" },
    { text: foot(result, options) },
  ];
  return fitted(parts, options.maxChars);
}

/** As many objectives as are listed when there is room for little; the worst come first. */
const FEW_ROWS = 20;

function head(result: Result, { title = "Goodput", headingLevel = 2 }: MarkdownOptions): string {
  const verdict = describeVerdict(result);
  const { target } = result;
  return [
    `${"#".repeat(headingLevel)} ${EMOJI[verdict.kind]} ${markdownText(title, 100)}: ${verdict.title.toLowerCase()}`,
    `**${markdownText(verdict.summary)}**${verdict.notes.map((note) => ` ${markdownText(note)}`).join("")}`,
    `${markdownCode(target.model, 100)} at ${markdownCode(target.url, 200)}`,
  ].join("\n\n");
}

function objectiveTable(result: Result, rows: readonly SloRow[], most = Number.POSITIVE_INFINITY): string {
  if (rows.length === 0) return "";
  const shown = rows.length <= most ? rows : worstFirst(rows).slice(0, most);
  const compared = hasBaseColumn(result);
  const cells = shown.map((row) => [
    markdownCode(row.level, 60),
    markdownCode(row.objective, 120),
    row.observed,
    row.interval,
    row.samples,
    ...(compared ? [changeCell(row.againstBase)] : []),
    `${EMOJI[row.outcome]} ${row.outcome}`,
  ]);
  const heads = compared ? [...SLO_HEADS.slice(0, -1), BASE_HEAD, SLO_HEADS.at(-1)!] : [...SLO_HEADS];
  const table = markdownTable([heads, ...cells], {
    align: ["l", "l", "r", "r", "r", ...(compared ? ["l"] : []), "l"],
    ...LOOSE,
  });
  const hidden = rows.length - shown.length;
  const more = hidden > 0 ? `\n\n${formatCount(hidden)} more objectives are in the full report.` : "";
  return `${table}${more}\n\n<sub>${capitalized(confidenceWords(result))}.</sub>`;
}

/** Padding cells to line up would spend the length limit on spaces that no reader sees. */
const LOOSE = { alignDelimiters: false } as const;

function worstFirst(rows: readonly SloRow[]): readonly SloRow[] {
  const order = ["violated", "inconclusive", "met"] as const;
  return rows.toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
}

function reasons(rows: readonly SloRow[]): string {
  return rows
    .filter(({ outcome }) => outcome === "inconclusive")
    .map(
      (row) =>
        `- ${EMOJI.inconclusive} ${markdownCode(row.objective, 120)} at ${markdownCode(row.level, 60)}: ${markdownText(row.explanation ?? "no reason was given.")}`,
    )
    .join("\n");
}

function levelTable({ levels }: Result): string {
  if (levels.length === 0) return "";
  const heads = SHORT_FIGURES.map(({ group, name }) => headOf(group, name));
  const cells = levels.map((level) => [
    markdownCode(level.name, 60),
    ...SHORT_FIGURES.map(({ cell }) => cell(level)),
  ]);
  return markdownTable([["Load", ...heads], ...cells], {
    align: ["l", ...heads.map(() => "r")],
    ...LOOSE,
  });
}

/** "TTFT ms" over "p50" becomes "TTFT p50, ms": one row of heads is all that Markdown has. */
function headOf(group: string, name: string): string {
  if (group === "Per second") return name === "requests" ? "req/s" : "tok/s";
  if (group === "Requests") return name === "ok" ? "OK" : "Failed";
  return `${group.replace(/ ms$/, "")} ${name}, ms`;
}

function overTime({ levels }: Result): string {
  const lines = levels.flatMap((level) => {
    const values = level.timeline.map((point) => point.ttft_p95);
    const present = values.filter((value) => value !== undefined);
    if (present.length === 0) return [];
    return `${markdownCode(level.name, 60)} \`${sparkline(values, 32)}\` highest ${formatValue(Math.max(...present), "ms")}`;
  });
  return lines.length === 0
    ? ""
    : ["TTFT p95 over time, each from 0 to its highest:", ...lines].join("<br>\n");
}

function findings(result: Result): string {
  if (result.findings.length === 0) return "";
  return [
    "**Findings**",
    ...result.findings.map((finding) =>
      [
        findingName(finding),
        `  ${markdownText(finding.happened)} ${markdownText(finding.matters)}`,
        `  **What to do:** ${markdownText(finding.advice)}`,
      ].join("\n"),
    ),
  ].join("\n\n");
}

function findingNames(result: Result): string {
  if (result.findings.length === 0) return "";
  return ["**Findings**", result.findings.slice(0, FEW_ROWS).map(findingName).join("\n")].join("\n\n");
}

function findingName({ code, level, at }: Finding): string {
  const where = at === undefined ? "" : ` at ${markdownCode(at, 60)}`;
  return `- ${level === "invalid" ? EMOJI.invalid : "ℹ️"} ${level}: ${markdownCode(code, 60)}${where}`;
}

function failures({ levels }: Result): string {
  const cells = levels.flatMap((level) =>
    Object.entries(level.requests.failures).map(([reason, count]) => [
      markdownCode(level.name, 60),
      markdownCode(reason, 40),
      formatCount(count),
      markdownCode(level.failure_examples[reason] ?? "", 160),
    ]),
  );
  if (cells.length === 0) return "";
  const table = markdownTable([["Load", "Failure", "Count", "Example"], ...cells], {
    align: ["l", "l", "r", "l"],
    ...LOOSE,
  });
  return `**Failures**\n\n${table}`;
}

function fullFigures(result: Result): string {
  const { levels, plan, environment } = result;
  const facts: readonly (readonly [string, string])[] = [
    ["Run", markdownCode(result.run_id, 80)],
    ["Started", markdownCode(formatMoment(result.started_at), 40)],
    ["Took", formatSeconds(result.duration_seconds)],
    [
      "Generator",
      markdownCode(`${result.generator}, Node ${environment.node}, ${environment.platform}`, 120),
    ],
    ["Machine", markdownCode(`${environment.cpu}, ${environment.cores} cores`, 120)],
    ["Protocol", markdownCode(result.target.protocol, 60)],
    ["Tokens", `${formatCount(plan.input_tokens)} in, ${formatCount(plan.output_tokens)} out`],
    ["Seed", markdownCode(String(plan.seed))],
    ["Plan", markdownCode(plan.hash, 80)],
  ];
  return [
    ...(levels.length === 0 ? [] : [latencyTable(levels), scalarTable(levels)]),
    markdownTable([["How it was measured", ""], ...facts], LOOSE),
  ].join("\n\n");
}

function latencyTable(levels: readonly LevelResult[]): string {
  const heads = ["Load", "ms", "count", ...ALL_QUANTILES.map(quantileName)];
  const cells = levels.flatMap((level) =>
    LATENCIES.flatMap((name) => {
      const stats = level.metrics[name];
      if (stats === undefined) return [];
      return [
        [markdownCode(level.name, 60), LATENCY_NAMES[name], formatCount(stats.count), ...latencyCells(stats)],
      ];
    }),
  );
  return cells.length === 0
    ? "No latency was measured."
    : markdownTable([heads, ...cells], { align: ["l", "l", ...heads.slice(2).map(() => "r")], ...LOOSE });
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

/** The blank lines matter: without them GitHub reads what is inside as HTML. */
function folded(summary: string, body: string): string {
  return body === "" ? "" : `<details><summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

function foot(result: Result, { reportUrl }: MarkdownOptions): string {
  const link =
    reportUrl === undefined || !/^https:\/\/[^\s<>()]+$/.test(reportUrl)
      ? ""
      : ` · [full report](${reportUrl})`;
  return `<sub>${markdownText(result.generator, 60)} · run ${markdownText(result.run_id, 80)} · seed ${result.plan.seed}${link}</sub>`;
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

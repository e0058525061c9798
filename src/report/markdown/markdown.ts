import { markdownTable } from "markdown-table";
import type { Regressions } from "../../judge/regressions.ts";
import type { Result } from "../../result.ts";
import { markdownCode, markdownText } from "../escape.ts";
import { formatCount, formatShare, plural } from "../format.ts";
import { outcomeKind, type SloRow, sloRows } from "../slo-rows.ts";
import { describeVerdict, EMOJI, type Verdict } from "../verdict.ts";
import { changedTable, comparisonSummary, comparisonTable } from "./comparison.ts";
import { fullFigures, levelTable, measuredHow } from "./figures.ts";
import { invalidFindings, noteFindings } from "./findings.ts";
import { fitted, type Part } from "./fitted.ts";
import { folded } from "./fold.ts";
import { mermaidCharts } from "./mermaid.ts";
import { glanceTable, inconclusiveReasons, isShort, LOOSE, objectiveTable } from "./objectives.ts";
import { serverTable } from "./server.ts";

export interface MarkdownOptions {
  /** What precedes the verdict in the heading, for example a job's name. */
  readonly title?: string;
  /** Level of the heading, 1 to 4. */
  readonly headingLevel?: number;
  /**
   * Mermaid charts and sparklines where they say something, all of them, sparklines only, or neither; the
   * figures are the same.
   */
  readonly charts?: "auto" | "mermaid" | "unicode" | "none";
  /** Parts are left out, in a fixed order, until the report is no longer than this many UTF-16 units. */
  readonly maxChars?: number;
  /** Where the full report is; an https address the caller vouches for. */
  readonly reportUrl?: string;
  /** The commit that was measured: forty hexadecimal digits, of which GitHub makes a link. */
  readonly commit?: string;
  /** What a whole comparison found beyond what is allowed, where that was asked for. */
  readonly regressions?: Regressions;
  /** A baseline was asked for, and there is none yet. */
  readonly firstRun?: boolean;
}

/** The report for report.md, a job's summary and a pull request's comment: verdict, one table, the rest folded. */
export function renderMarkdown(result: Result, options: MarkdownOptions = {}): string {
  const charts = options.charts ?? "auto";
  const bars = charts !== "none";
  const verdict = describeVerdict(result, options.regressions);
  const rows = sloRows(result);
  const judged = rows.length > 0;
  const figures = levelTable(result, bars && !judged);
  // What the verdict rests on stands before everything else.
  const worse: Part = { text: regressed(verdict), drop: 8.5, name: "what is worse than the baseline" };
  const parts: readonly Part[] = [
    { text: head(result, verdict, options) },
    ...(verdict.kind === "regressed" ? [worse] : []),
    {
      text: invalidFindings(result),
      shorter: [invalidFindings(result, 8), invalidFindings(result, 3)],
      drop: 5,
      name: "findings",
    },
    {
      text: glanceTable(result, rows, bars),
      shorter: [FEW_ROWS, 8, 3].map((most) => objectiveTable(result, rows, { most, bars: false })),
      drop: 8,
      name: "objectives",
    },
    { text: reasons(result, rows), drop: 4.5, name: "reasons" },
    { text: comparisonSummary(result, options.firstRun), drop: 7.5, name: "comparison with the baseline" },
    ...(verdict.kind === "regressed" ? [] : [worse]),
    ...(judged ? [] : [{ text: figures, drop: 7, name: "load levels" }]),
    { text: failures(result), shorter: [failures(result, 5)], drop: 6, name: "failures" },
    {
      text: isShort(rows)
        ? ""
        : folded(
            "Every objective with its interval",
            objectiveTable(result, rows, { bars, most: MOST_LISTED }),
          ),
      drop: 2.1,
      name: "every objective",
    },
    {
      text: folded("Against the baseline, every figure", comparisonTable(result)),
      shorter: [folded("Against the baseline, what changed", changedTable(result))],
      drop: 2.2,
      name: "figures against the baseline",
    },
    ...(judged
      ? [{ text: folded("Figures of every load level", figures), drop: 3.5, name: "load levels" }]
      : []),
    {
      text: charts === "mermaid" || charts === "auto" ? folded("Charts", mermaidCharts(result, charts)) : "",
      drop: 1,
      name: "charts",
    },
    { text: noteFindings(result), drop: 4, name: "notes" },
    { text: folded("The server's own figures", serverTable(result)), drop: 2.5, name: "server's figures" },
    { text: folded("All quantiles and counts", fullFigures(result)), drop: 2, name: "all quantiles" },
    { text: folded("How it was measured", measuredHow(result)), drop: 3, name: "how it was measured" },
    { text: foot(result, options) },
  ];
  return fitted(parts, options.maxChars);
}

/** As many objectives as are listed when there is room for little; the worst come first. */
const FEW_ROWS = 20;
/** A list that is longer is for a machine to read. */
const MOST_LISTED = 400;

function head(
  result: Result,
  verdict: Verdict,
  { title = "Goodput", headingLevel = 2 }: MarkdownOptions,
): string {
  const { target, levels } = result;
  const load = levels.length === 1 ? ` · ${markdownCode(levels[0]!.name, 60)}` : "";
  return [
    `${"#".repeat(headingLevel)} ${EMOJI[verdict.kind]} ${markdownText(title, 100)}: ${verdict.title.toLowerCase()}`,
    `**${markdownText(verdict.summary)}**${verdict.notes.map((note) => ` ${markdownText(note)}`).join("")}`,
    `${markdownCode(target.model, 100)} at ${markdownCode(target.url, 200)}${load}`,
  ].join("\n\n");
}

/** The first few: the others are the head of the table against the baseline. */
function regressed({ regressed: sentences }: Verdict): string {
  const hidden = sentences.length - MOST_REGRESSED;
  return [
    ...sentences.slice(0, MOST_REGRESSED).map((sentence) => `- ${EMOJI.regressed} ${markdownText(sentence)}`),
    ...(hidden > 0 ? [`- and ${formatCount(hidden)} more`] : []),
  ].join("\n");
}

const MOST_REGRESSED = 4;

/** A few are read where they stand; many would push everything else out of sight. */
function reasons(result: Result, rows: readonly SloRow[]): string {
  const lines = inconclusiveReasons(rows, result.levels.length > 1);
  const text = lines.join("\n");
  const kinds = (["inconclusive", "invalid"] as const).filter((kind) =>
    rows.some((row) => outcomeKind(row) === kind),
  );
  return lines.length <= MOST_REASONS ? text : folded(`Why objectives are ${kinds.join(" or ")}`, text);
}

const MOST_REASONS = 4;

/** From this share on, failures are the first thing to look at. */
const MANY_FAILED = 0.05;

function failures({ levels }: Result, most = Number.POSITIVE_INFINITY): string {
  const several = levels.length > 1;
  const cells = levels.flatMap((level) =>
    Object.entries(level.requests.failures).map(([reason, count]) => [
      ...(several ? [markdownCode(level.name, 60)] : []),
      markdownCode(reason, 40),
      formatCount(count),
      markdownCode(level.failure_examples[reason] ?? "", 160),
    ]),
  );
  if (cells.length === 0) return "";
  const table = markdownTable(
    [[...(several ? ["Load"] : []), "Failure", "Count", "Example"], ...cells.slice(0, most)],
    { align: [...(several ? ["l"] : []), "l", "r", "l"], ...LOOSE },
  );
  const [failed, issued] = levels.reduce(
    ([failed, issued], { requests }) => [failed + requests.failed, issued + requests.issued],
    [0, 0],
  );
  const share = issued === 0 ? undefined : failed / issued;
  const summary = `${plural(failed, "request")} failed${share === undefined ? "" : `, ${formatShare(share)} of all`}`;
  return folded(summary, table, (share ?? 1) >= MANY_FAILED ? "open" : "closed");
}

function foot(result: Result, { reportUrl, commit }: MarkdownOptions): string {
  const of = commit !== undefined && /^[0-9a-f]{40}$/.test(commit) ? ` · commit ${commit}` : "";
  const link =
    reportUrl === undefined || !/^https:\/\/[^\s<>()]+$/.test(reportUrl)
      ? ""
      : ` · [full report](${reportUrl})`;
  return `<sub>${markdownText(result.generator, 60)} · run ${markdownText(result.run_id, 80)} · seed ${result.plan.seed}${of}${link}</sub>`;
}

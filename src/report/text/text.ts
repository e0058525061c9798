import type { Regressions } from "../../judge/regressions.ts";
import type { Finding, Result } from "../../result.ts";
import { hasBaseColumn } from "../against-base.ts";
import { terminalText } from "../escape.ts";
import { formatCount, formatMoment, formatSeconds, formatValue } from "../format.ts";
import { mainFigures } from "../level-figures.ts";
import { BASE_HEAD, outcomeKind, outcomeWords, SLO_HEADS, type SloRow, sloRows } from "../slo-rows.ts";
import { sparkline } from "../sparkline.ts";
import { confidenceWords, describeVerdict, SYMBOLS, type Verdict } from "../verdict.ts";
import { changeWord, comparisonLines } from "./comparison.ts";
import {
  type Color,
  INDENT,
  indented,
  inset,
  type Lines,
  type Page,
  pageOf,
  pageText,
  tableOptions,
} from "./page.ts";
import { serverLines } from "./server.ts";
import { type Column, displayWidth, pad, splitTable, textTable, wrapWords } from "./table.ts";

/** The report for a terminal or a log: the verdict first, then what it rests on, then what to do. */
export function renderText(
  result: Result,
  options: { readonly color: boolean; readonly width?: number; readonly regressions?: Regressions },
): string {
  const page = pageOf(options);
  const sections = [
    head(result, describeVerdict(result, options.regressions), page),
    objectives(result, page),
    comparisonLines(result.comparison, page, "decided"),
    levels(result, page),
    serverLines(result, page),
    overTime(result, page),
    failures(result, page),
    undecided(result, page),
    findings(result, page),
  ];
  return pageText(sections);
}

const VERDICT_STYLE: Readonly<Record<Verdict["kind"], Color>> = {
  met: "green",
  violated: "red",
  inconclusive: "yellow",
  regressed: "red",
  invalid: "magenta",
  cancelled: "yellow",
  none: "cyan",
};

function head(result: Result, { kind, title, summary, notes, regressed }: Verdict, page: Page): Lines {
  const { target } = result;
  const facts: readonly (readonly [string, string])[] = [
    ["target", `${terminalText(target.url, 200)} (${terminalText(target.protocol, 40)})`],
    ["model", terminalText(target.model, 120)],
    [
      "run",
      `${terminalText(result.run_id, 80)}, ${terminalText(formatMoment(result.started_at), 40)}, took ${formatSeconds(result.duration_seconds)}`,
    ],
  ];
  const mark = `${SYMBOLS[kind]} ${title.toUpperCase()}`;
  return [
    `${page.paint(["bold", VERDICT_STYLE[kind]], mark)}  ${terminalText(summary)}`,
    ...notes.flatMap((note) => indented(terminalText(note, 1000), page)),
    ...regressed.flatMap((line) => indented(terminalText(line, 400), page, 4)),
    "",
    ...facts.map(([name, fact]) => `${INDENT}${page.paint("dim", pad(name, 8))}${fact}`),
  ];
}

function objectives(result: Result, page: Page): Lines {
  const rows = sloRows(result);
  if (rows.length === 0) return [];
  const compared = hasBaseColumn(result);
  const heads = compared ? [...SLO_HEADS.slice(0, -1), BASE_HEAD, SLO_HEADS.at(-1)!] : SLO_HEADS;
  const columns: readonly Column[] = heads.map((name) => ({
    head: name,
    align: name === "Observed" || name === "Interval" || name === "Samples" ? "right" : "left",
    wrap: name === "Load" || name === "Objective",
  }));
  const cells = rows.map((row, i) => [
    // The name leads its group; repeating it on every line would hide where one load ends.
    rows[i - 1]?.level === row.level ? "" : terminalText(row.level, 60),
    terminalText(row.objective, 120),
    row.observed,
    row.interval,
    row.samples,
    ...(compared ? [changeWord(row.againstBase, page)] : []),
    outcomeWord(row, page),
  ]);
  return [
    `${page.paint("bold", "Objectives")}${page.paint("dim", ` (${confidenceWords(result)})`)}`,
    ...inset(textTable(columns, cells, tableOptions(page))),
  ];
}

function levels(result: Result, page: Page): Lines {
  if (result.levels.length === 0) return [];
  const figures = mainFigures(result.levels);
  const columns: readonly Column[] = [
    { head: "Load" },
    ...figures.map(({ group, name }) => ({ head: name, group, align: "right" as const })),
  ];
  const cells = result.levels.map((level) => [
    terminalText(level.name, 40),
    ...figures.map(({ cell }) => cell(level)),
  ]);
  const parts = splitTable(columns, cells, tableOptions(page));
  return [
    page.paint("bold", "Load levels"),
    ...parts.flatMap((lines, i) => [...(i > 0 ? [""] : []), ...inset(lines)]),
  ];
}

function overTime(result: Result, page: Page): Lines {
  const shown = result.levels.filter(({ timeline }) =>
    timeline.some((point) => point.ttft_p95 !== undefined),
  );
  if (shown.length === 0) return [];
  const names = shown.map((level) => terminalText(level.name, 40));
  const widest = Math.max(...names.map(displayWidth));
  const bars = Math.max(10, Math.min(48, page.width - widest - 24));
  return [
    `${page.paint("bold", "TTFT p95 over time")}${page.paint("dim", " (each from 0 to its highest)")}`,
    ...shown.map(({ timeline }, i) => {
      const values = timeline.map((point) => point.ttft_p95);
      const highest = Math.max(...values.filter((value) => value !== undefined));
      const line = page.paint("cyan", sparkline(values, bars));
      return `${INDENT}${pad(names[i]!, widest)}  ${line}  highest ${formatValue(highest, "ms")}`;
    }),
  ];
}

function failures(result: Result, page: Page): Lines {
  const cells = result.levels.flatMap((level) =>
    Object.entries(level.requests.failures).map(([reason, count]) => [
      terminalText(level.name, 60),
      terminalText(reason, 40),
      formatCount(count),
      terminalText(level.failure_examples[reason] ?? "", 200),
    ]),
  );
  if (cells.length === 0) return [];
  const columns: readonly Column[] = [
    { head: "Load", wrap: true },
    { head: "Reason" },
    { head: "Count", align: "right" },
    { head: "Example", wrap: true },
  ];
  return [page.paint("bold", "Failures"), ...inset(textTable(columns, cells, tableOptions(page)))];
}

function undecided(result: Result, page: Page): Lines {
  const rows = sloRows(result).filter((row) => row.outcome === "inconclusive" || row.invalid.length > 0);
  if (rows.length === 0) return [];
  const kinds = (["inconclusive", "invalid"] as const).filter((kind) =>
    rows.some((row) => outcomeKind(row) === kind),
  );
  return [
    page.paint("bold", `Why ${kinds.join(" or ")}`),
    ...rows.flatMap((row) => [
      `${INDENT}${page.paint(VERDICT_STYLE[outcomeKind(row)], SYMBOLS[outcomeKind(row)])} ${terminalText(row.objective, 120)} at ${terminalText(row.level, 60)}`,
      ...indented(terminalText(row.explanation ?? "No reason was given.", 600), page, 4),
    ]),
  ];
}

function findings(result: Result, page: Page): Lines {
  if (result.findings.length === 0) return [];
  return [
    page.paint("bold", "Findings"),
    ...result.findings.flatMap((finding) => findingLines(finding, page)),
  ];
}

function findingLines({ code, level, at, touches, happened, matters, advice }: Finding, page: Page): Lines {
  const invalid = level === "invalid";
  const mark = invalid ? page.paint(["bold", "magenta"], `${SYMBOLS.invalid} invalid`) : "• note";
  const where = at === undefined ? "" : ` at ${terminalText(at, 60)}`;
  return [
    `${INDENT}${mark} ${page.paint("bold", terminalText(code, 60))}${where}`,
    ...labelled("what", happened, page),
    ...labelled("why", matters, page),
    ...(touches === undefined ? [] : labelled("on", touches.join(", "), page)),
    ...labelled("do", advice, page),
  ];
}

function labelled(label: string, text: string, page: Page): Lines {
  return wrapWords(terminalText(text, 600), page.width - 10).map(
    (line, i) => `    ${page.paint("dim", pad(i === 0 ? label : "", 5))} ${line}`,
  );
}

function outcomeWord(row: SloRow, page: Page): string {
  const kind = outcomeKind(row);
  return page.paint(VERDICT_STYLE[kind], `${SYMBOLS[kind]} ${outcomeWords(row)}`);
}

import type { Regressions } from "../../judge/regressions.ts";
import type { Finding, LevelResult, Result } from "../../result.ts";
import { htmlText } from "../escape.ts";
import {
  ABSENT,
  capitalized,
  formatCount,
  formatInterval,
  formatLimit,
  formatMoment,
  formatSeconds,
  formatValue,
  plural,
} from "../format.ts";
import { describeLoad } from "../load-label.ts";
import { confidenceWords, describeVerdict, SYMBOLS, type Verdict } from "../verdict.ts";
import { loadPlots } from "./against-load.ts";
import { verdictBadge } from "./badge.ts";
import { baselineSection } from "./baseline.ts";
import { DEFINITIONS } from "./definitions.ts";
import { distributionPlots } from "./distribution.ts";
import { timePlots } from "./over-time.ts";
import { serverSection } from "./server-side.ts";
import { STYLE } from "./style.ts";
import { failuresTable, latencyTable, levelsTable, objectivesTable } from "./tables.ts";

/**
 * The report as one self-contained page: no script, no network, plots as inline SVG. The policy in its
 * head holds it to that, whatever text the measured server put into the result.
 */
export function renderHtml(result: Result, regressions?: Regressions): string {
  const verdict = describeVerdict(result, regressions);
  const name = `${SYMBOLS[verdict.kind]} ${verdict.title}: ${result.target.model}`;
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${htmlText(name, 120)}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<main>`,
    header(result, verdict),
    tiles(result),
    section("Objectives", `${capitalized(confidenceWords(result))}.`, objectivesTable(result)),
    section("Against the baseline", "", baselineSection(result)),
    section("Findings", "Whether this run may be believed, asked apart from its verdict.", findings(result)),
    section(
      "Failures",
      "Requests that failed are never left out of a rate or a share.",
      failuresTable(result),
    ),
    section("Load levels", "Latencies in milliseconds.", levelsTable(result)),
    section("The server's own figures", "", serverSection(result.levels)),
    section(
      "Latency against throughput",
      "One mark per load level, labelled with its load; loads of one kind are joined from the lightest to the heaviest. Down and to the right is better.",
      loadPlots(result.levels),
    ),
    section(
      "Distribution of latencies",
      "Above, the share of samples of about this length; two humps say that two kinds of request are mixed. Below, the share that took at most this long: the further left and the steeper, the better; marks stand at 50 %, 95 % and 99 %.",
      distributionPlots(result.levels),
    ),
    section(
      "Over time",
      "Each level over its own window, with crosses where requests failed. A drift or a step here says that the figures above mix two states.",
      overTime(result.levels),
    ),
    section("How it was measured", "", measured(result)),
    `<footer>${htmlText(result.generator, 80)} · run ${htmlText(result.run_id, 80)} · ${htmlText(formatMoment(result.started_at), 40)}</footer>`,
    "</main>\n</body>\n</html>\n",
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** The head names the first; the table against the baseline holds them all. */
const MOST_REGRESSED = 8;

function section(name: string, lead: string, body: string): string {
  if (body === "") return "";
  const words = lead === "" ? "" : `<p class="lead">${lead}</p>`;
  return `<section>\n<h2>${name}</h2>${words}\n${body}\n</section>`;
}

function header(result: Result, { kind, title, summary, notes, regressed }: Verdict): string {
  const lines = [...notes, ...regressed.slice(0, MOST_REGRESSED)];
  const { target } = result;
  return [
    `<header class="verdict card ${kind}">${verdictBadge(kind)}<h1>${title}</h1>`,
    `<p class="summary">${htmlText(summary)}</p>`,
    lines.length === 0 ? "" : `<ul>${lines.map((note) => `<li>${htmlText(note)}</li>`).join("")}</ul>`,
    facts([
      ["Model", htmlText(target.model, 120)],
      ["Target", `<code>${htmlText(target.url, 200)}</code>`],
      [
        "Started",
        `${htmlText(formatMoment(result.started_at), 60)}, took ${formatSeconds(result.duration_seconds)}`,
      ],
    ]),
    "</header>",
  ].join("\n");
}

/** Four figures to take in before anything else; over several levels, their span. */
function tiles({ levels }: Result): string {
  if (levels.length === 0) return "";
  const total = (count: (level: LevelResult) => number) =>
    levels.reduce((sum, level) => sum + count(level), 0);
  const failed = total(({ requests }) => requests.failed);
  const fastest = levels
    .filter(({ metrics }) => metrics.output_throughput !== undefined)
    .toSorted((a, b) => b.metrics.output_throughput! - a.metrics.output_throughput!)[0];
  const over =
    levels.length > 1 ? `over ${plural(levels.length, "load level")}` : `at ${htmlText(levels[0]!.name, 60)}`;
  return `<div class="tiles">${[
    tile("Requests", formatCount(total(({ requests }) => requests.issued)), `${formatCount(failed)} failed`),
    tile(
      levels.length > 1 ? "Highest output throughput" : "Output throughput",
      formatValue(fastest?.metrics.output_throughput, "tok/s"),
      fastest === undefined ? "" : `at ${htmlText(fastest.name, 60)}`,
    ),
    tile(
      "TTFT p95",
      spanOf(levels, ({ metrics }) => metrics.ttft?.p95),
      over,
    ),
    tile(
      "E2E p95",
      spanOf(levels, ({ metrics }) => metrics.e2e?.p95),
      over,
    ),
  ].join("")}</div>`;
}

function tile(name: string, value: string, more: string): string {
  return `<div class="tile card"><div class="name">${name}</div><div class="value">${value}</div><div class="more">${more}</div></div>`;
}

function spanOf(levels: readonly LevelResult[], pick: (level: LevelResult) => number | undefined): string {
  const values = levels.map(pick).filter((value) => value !== undefined);
  if (values.length === 0) return ABSENT;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? formatValue(low, "ms") : formatInterval([low, high], "ms");
}

function findings(result: Result): string {
  return result.findings.map(finding).join("\n");
}

function finding({ code, level, at, touches, happened, matters, advice }: Finding): string {
  const invalid = level === "invalid";
  const where = at === undefined ? "" : ` <span class="muted">at ${htmlText(at, 80)}</span>`;
  return [
    `<div class="finding card ${invalid ? "invalid" : "note"}">`,
    `<h3><span class="word">${invalid ? `${SYMBOLS.invalid} invalid` : "• note"}</span><code>${htmlText(code, 60)}</code>${where}</h3>`,
    facts([
      ["What", htmlText(happened)],
      ["Why it matters", htmlText(matters)],
      ...(touches === undefined
        ? []
        : [["What it touches", `<code>${htmlText(touches.join(", "), 300)}</code>`] as const]),
      ["What to do", htmlText(advice)],
    ]),
    "</div>",
  ].join("");
}

/** So many levels are laid open; more would bury what comes below. */
const OPEN_LEVELS = 4;

function overTime(levels: readonly LevelResult[]): string {
  return levels
    .flatMap((level, i) => {
      if (level.timeline.length === 0) return [];
      const open = levels.length <= OPEN_LEVELS ? " open" : "";
      const { completed, failed } = level.requests;
      const counts = `${formatCount(completed)} completed, ${formatCount(failed)} failed in ${formatSeconds(level.window.seconds)}`;
      return `<details class="level"${open}><summary>${htmlText(level.name, 80)} <span class="muted">${counts}</span></summary>${timePlots(level, i)}</details>`;
    })
    .join("\n");
}

function measured(result: Result): string {
  const { plan, environment, target } = result;
  const latencies = latencyTable(result);
  return [
    `<div class="card fold">${facts([
      ["Protocol", htmlText(target.protocol, 60)],
      [
        "Prompt",
        `${formatCount(plan.input_tokens)} tokens in, ${formatCount(plan.output_tokens)} tokens out`,
      ],
      ["Warm-up", plural(plan.warmup_requests, "request")],
      ["Timeout", formatLimit(plan.timeout_seconds * 1000, "ms")],
      [
        "Loads",
        result.levels
          .map(
            (level) => `${htmlText(level.name, 80)} <span class="muted">${describeLoad(level.load)}</span>`,
          )
          .join("<br>") || ABSENT,
      ],
      [
        "Objectives",
        plan.objectives.map((text) => `<code>${htmlText(text, 160)}</code>`).join("<br>") || "none",
      ],
      ["Seed", `<code>${plan.seed}</code>`],
      ["Plan", `<code>${htmlText(plan.hash, 100)}</code>`],
      [
        "Generator",
        `${htmlText(result.generator, 80)}, Node ${htmlText(environment.node, 40)}, ${htmlText(environment.platform, 60)}, ${htmlText(environment.cpu, 100)}, ${plural(environment.cores, "core")}`,
      ],
    ])}</div>`,
    latencies === ""
      ? ""
      : `<details class="card fold"><summary>Every latency, every quantile</summary>${latencies}</details>`,
    `<details class="card fold"><summary>What the figures mean</summary>${facts(
      DEFINITIONS.map(([name, meaning]) => [name, htmlText(meaning)]),
    )}</details>`,
  ].join("\n");
}

/** Values are HTML already; names are this program's own. */
function facts(pairs: readonly (readonly [name: string, value: string])[]): string {
  return `<dl class="facts">${pairs.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("")}</dl>`;
}

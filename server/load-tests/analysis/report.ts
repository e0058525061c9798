import { markdownText } from "../../../src/index.ts";
import type { ResultView } from "../results/result-view.ts";
import { type AnalysisFacts, analysisFacts, type Level } from "./facts.ts";
import { type AnalysisWords, figure, percentage } from "./words.ts";
import { ENGLISH } from "./words-en.ts";
import { KOREAN } from "./words-ko.ts";

export const LANGUAGES = ["ko", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

const WORDS: Readonly<Record<Language, AnalysisWords>> = { ko: KOREAN, en: ENGLISH };

/** What the figures of a run say, in Markdown, section by section; made by rules, so that it is the same every time. */
export function analysisReport(view: ResultView, language: Language): string[] {
  const words = WORDS[language];
  const facts = analysisFacts(view, (level) => nameOf(level, words));
  return [
    section(words.measured, measured(facts, words)),
    section(words.goodput, goodput(facts, words)),
    section(words.latency, latency(facts, words)),
    section(words.throughput, throughput(facts, words)),
    section(words.errors, errors(facts, words)),
    section(
      words.advice,
      facts.advice.map((one) => `- ${words.adviceOf(withPlainReason(one))}`),
    ),
  ];
}

/** What a model is asked: to explain the report that stands already. */
export function analysisQuestion(report: readonly string[], language: Language): string {
  return `${WORDS[language].question}\n\n${report.join("")}`;
}

/** Above what it answers. */
export function modelHeading(language: Language): string {
  return `## ${WORDS[language].model}\n\n`;
}

function section(heading: string, lines: readonly string[]): string {
  return `## ${heading}\n\n${lines.join("\n")}\n\n`;
}

/** What a target or a caller named is data, and adds no mark of its own to the report. */
function plain(text: string): string {
  return markdownText(text, 300);
}

function nameOf(level: Level, words: AnalysisWords): string {
  const { concurrency } = level;
  // A name that says more than the number stays.
  const isPlain = concurrency !== null && level.level === `concurrency ${concurrency}`;
  return isPlain ? words.concurrency(concurrency) : plain(level.level);
}

function withPlainReason(advice: AnalysisFacts["advice"][number]): AnalysisFacts["advice"][number] {
  return "reason" in advice ? { ...advice, reason: plain(advice.reason) } : advice;
}

function measured({ view, levels, findings }: AnalysisFacts, words: AnalysisWords): string[] {
  return [
    words.subject(plain(view.model), plain(view.server_url), plain(view.adapter)),
    words.amount(
      levels.map((level) => nameOf(level, words)),
      view.summary.total_requests,
      view.duration_seconds,
    ),
    words.ending(view.status, view.error && plain(view.error.message)),
    ...(findings.length > 0 ? [""] : []),
    ...findings.map(({ level, at, happened }) => {
      return `- ${words.finding(level, at === undefined ? undefined : plain(at), plain(happened))}`;
    }),
  ];
}

function goodput({ levels, goodput }: AnalysisFacts, words: AnalysisWords): string[] {
  if (goodput === undefined) return [words.noThresholds];
  const thresholds = Object.entries(goodput.thresholds).map(
    ([name, ms]) => `${name.replace(/_ms$/, "").toUpperCase()} < ${figure(ms)} ms`,
  );
  const rows = levels.flatMap((level) => {
    const { goodput: one } = level;
    return one === undefined
      ? []
      : [
          [
            nameOf(level, words),
            percentage(one.goodput_percent),
            `${one.satisfied_requests}/${one.total_requests}`,
          ],
        ];
  });
  return [
    words.thresholds(thresholds, goodput.target),
    "",
    ...table([words.load, "Goodput (%)", words.goodOfAll], rows),
    "",
    words.kept(
      goodput.kept && nameOf(goodput.kept, words),
      goodput.broken && nameOf(goodput.broken, words),
      goodput.target,
    ),
  ];
}

function latency({ levels, ttftGrowth, tpotGrowth }: AnalysisFacts, words: AnalysisWords): string[] {
  const cells = (stats: (typeof levels)[number]["ttft"] | undefined) => [
    figure(stats?.p50),
    figure(stats?.p95),
  ];
  const heads = ["TTFT", "TPOT", "E2E"].flatMap((name) => [`${name} p50 (ms)`, `${name} p95 (ms)`]);
  const rows = levels.map((level) => [
    nameOf(level, words),
    ...cells(level.ttft),
    ...cells(level.tpot),
    ...cells(level.e2e_latency),
  ]);
  return [
    ...table([words.load, ...heads], rows),
    ...(ttftGrowth === undefined ? [] : ["", words.growth("TTFT", ttftGrowth.times)]),
    ...(tpotGrowth === undefined ? [] : ["", words.growth("TPOT", tpotGrowth.times)]),
  ];
}

function throughput({ levels, saturation }: AnalysisFacts, words: AnalysisWords): string[] {
  const rows = levels.map((level) => [
    nameOf(level, words),
    figure(level.throughput_tokens_per_sec),
    figure(level.request_rate_per_sec),
  ]);
  const told =
    saturation === undefined
      ? words.saturationUnknown
      : saturation.reached
        ? words.saturated(nameOf(saturation.knee, words), figure(saturation.best.throughput_tokens_per_sec))
        : words.growing(nameOf(saturation.best, words), figure(saturation.best.throughput_tokens_per_sec));
  return [...table([words.load, "tok/s", "req/s"], rows), "", told];
}

function errors({ total, failed, errorPercent, reasons }: AnalysisFacts, words: AnalysisWords): string[] {
  return [
    errorPercent === undefined ? words.noRequests : words.errorRate(percentage(errorPercent), failed, total),
    ...(reasons.length > 0 ? [""] : []),
    ...reasons.map(({ reason, count, example }) => {
      return `- ${plain(reason)}: ${count}${example === "" ? "" : ` (${plain(example)})`}`;
    }),
  ];
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)];
}

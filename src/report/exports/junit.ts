import type { LevelResult, Result } from "../../result.ts";
import { xmlText } from "../escape.ts";
import { type SloRow, sloRows } from "../slo-rows.ts";
import { describeVerdict } from "../verdict.ts";

/**
 * JUnit XML, as continuous integration reads it: a suite per load level, a case per objective. Violated is
 * a failure, inconclusive is skipped, and one that may not be believed is an error.
 */
export function renderJunit(result: Result): string {
  const suites = result.levels.map((level) => suite(result, level));
  // Without a case nothing would turn red, so validity has one of its own where no objective carries it.
  if (!result.valid && sloRows(result).every(({ invalid }) => invalid.length === 0))
    suites.push(validitySuite(result));
  const totals = suites.reduce((total, { counts }) => added(total, counts), NO_COUNTS);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="goodput" ${attributes(totals)} time="${seconds(result.duration_seconds)}">`,
    ...suites.flatMap(({ lines }) => lines),
    "</testsuites>",
    "",
  ].join("\n");
}

interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
}

interface Suite {
  readonly counts: Counts;
  readonly lines: readonly string[];
}

/** Every case repeats them, because tools show cases one at a time. */
const MOST_FINDINGS = 5;

const NO_COUNTS: Counts = { tests: 0, failures: 0, errors: 0, skipped: 0 };

function suite(result: Result, level: LevelResult): Suite {
  const rows = sloRows({ ...result, levels: [level] });
  const cases = rows.map((row) => testCase(result, row));
  return wrapped(result, level.name, level.window.seconds, cases);
}

function validitySuite(result: Result): Suite {
  const lines = [
    '    <testcase classname="goodput" name="the run may be believed">',
    invalidError(result),
    "    </testcase>",
  ];
  return wrapped(result, "validity", result.duration_seconds, [
    { counts: { ...NO_COUNTS, tests: 1, errors: 1 }, lines },
  ]);
}

function wrapped(result: Result, name: string, windowSeconds: number, cases: readonly Suite[]): Suite {
  const counts = cases.reduce((total, one) => added(total, one.counts), NO_COUNTS);
  const properties: readonly (readonly [string, string])[] = [
    ["run_id", result.run_id],
    ["target", result.target.url],
    ["model", result.target.model],
    ["plan_hash", result.plan.hash],
    ["seed", String(result.plan.seed)],
    ["state", result.state],
  ];
  return {
    counts,
    lines: [
      `  <testsuite name="${xmlText(name, 200)}" ${attributes(counts)} time="${seconds(windowSeconds)}" timestamp="${xmlText(result.started_at, 40)}">`,
      "    <properties>",
      ...properties.map(([key, value]) => `      <property name="${key}" value="${xmlText(value, 300)}"/>`),
      "    </properties>",
      ...cases.flatMap(({ lines }) => lines),
      "  </testsuite>",
    ],
  };
}

function testCase(result: Result, row: SloRow): Suite {
  const open = `    <testcase classname="goodput.${xmlText(row.level, 200)}" name="${xmlText(row.objective, 200)}"`;
  const outcome = outcomeLine(result, row);
  if (outcome === undefined) return { counts: { ...NO_COUNTS, tests: 1 }, lines: [`${open}/>`] };
  return {
    counts: { ...NO_COUNTS, tests: 1, [outcome.count]: 1 },
    lines: [`${open}>`, outcome.line, "    </testcase>"],
  };
}

function outcomeLine(
  result: Result,
  row: SloRow,
): { readonly count: "failures" | "errors" | "skipped"; readonly line: string } | undefined {
  if (row.invalid.length > 0) return { count: "errors", line: invalidError(result, row) };
  if (row.outcome === "met") return undefined;
  const message = xmlText([figures(row), row.explanation].filter((part) => part !== undefined).join(". "));
  return row.outcome === "violated"
    ? { count: "failures", line: `      <failure type="violated" message="${message}"/>` }
    : { count: "skipped", line: `      <skipped message="${message}"/>` };
}

function invalidError(result: Result, row?: SloRow): string {
  const message = xmlText(
    row === undefined ? describeVerdict(result).notes[0]! : `${figures(row)}, but it may not be believed`,
  );
  const found = result.findings
    .filter(
      ({ level, code, at }) =>
        level === "invalid" &&
        (row === undefined || row.invalid.includes(code)) &&
        (row === undefined || at === undefined || at === row.level),
    )
    .slice(0, MOST_FINDINGS)
    .map(
      ({ code, happened, advice }) =>
        `${xmlText(code, 60)}: ${xmlText(happened, 300)} ${xmlText(advice, 300)}`,
    );
  return `      <error type="invalid" message="${message}">${found.join("\n")}</error>`;
}

function figures({ outcome, observed, interval, samples }: SloRow): string {
  return `${outcome}: observed ${observed}, interval ${interval}, ${samples} samples`;
}

function attributes({ tests, failures, errors, skipped }: Counts): string {
  return `tests="${tests}" failures="${failures}" errors="${errors}" skipped="${skipped}"`;
}

function added(a: Counts, b: Counts): Counts {
  return {
    tests: a.tests + b.tests,
    failures: a.failures + b.failures,
    errors: a.errors + b.errors,
    skipped: a.skipped + b.skipped,
  };
}

function seconds(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : "0";
}

import { conclusionOf } from "../conclusion.ts";
import type { Regressed, Regressions } from "../judge/regressions.ts";
import { DOUBTFUL, type LevelResult, type Outcome, type Result } from "../result.ts";
import { formatLimit, listed, plural } from "./format.ts";
import { percent, percentagePoints, regressionSentence } from "./regression-sentence.ts";

/** What the head of every report says. Words of the target are raw here: each form escapes its own. */
export interface Verdict {
  readonly kind: Outcome | "regressed" | "invalid" | "cancelled" | "none";
  /** One or two words: "Violated", "Cancelled, met so far". */
  readonly title: string;
  /** The first sentence: what was found. May hold names from findings. */
  readonly summary: string;
  /** What must be known beside it: invalid, cancelled, the loads that keep every objective. */
  readonly notes: readonly string[];
  /** Figures that are worse than the baseline's by more than is allowed, a sentence each. */
  readonly regressed: readonly string[];
}

/** A word never stands without its symbol, nor the symbol without its word. */
export const SYMBOLS: Readonly<Record<Verdict["kind"], string>> = {
  met: "✓",
  violated: "✗",
  inconclusive: "?",
  regressed: "▽",
  invalid: "⊘",
  cancelled: "■",
  none: "○",
};

export const EMOJI: Readonly<Record<Verdict["kind"], string>> = {
  met: "✅",
  violated: "❌",
  inconclusive: "⚠️",
  regressed: "🔻",
  invalid: "🚫",
  cancelled: "⏹️",
  none: "📏",
};

/**
 * The same word as `conclusionOf` gives to exit codes and checks.
 * @param regressions what a whole comparison found beyond what is allowed, where that was asked for.
 */
export function describeVerdict(result: Result, regressions?: Regressions): Verdict {
  const kind = kindOf(result, regressions);
  const beyond = regressions?.beyond ?? [];
  const onlyCompared = kind === "regressed" && result.verdict !== "violated";
  return {
    kind,
    title: kind === "cancelled" ? cancelledTitle(result, regressions) : TITLES[kind],
    summary: !result.valid
      ? `This run may not be believed${invalidCodes(result)}.`
      : onlyCompared
        ? worseSentence(beyond.length)
        : summarize(result),
    notes: [
      ...(result.valid
        ? []
        : [`An invalid run never passes. Its figures, taken at face value: ${lowered(summarize(result))}`]),
      ...standingNote(result),
      ...doubtNote(result),
      ...(kind === "cancelled"
        ? ["The run was cancelled before its plan was done; what was measured until then stands."]
        : []),
      ...(onlyCompared && result.verdict !== undefined ? [summarize(result)] : []),
      ...(!onlyCompared && beyond.length > 0 ? [worseSentence(beyond.length)] : []),
      ...keptNote(result),
      ...importedNote(result),
    ],
    regressed: beyond.map(regressedSentence),
  };
}

function kindOf(
  result: Pick<Result, "state" | "valid" | "verdict" | "levels">,
  regressions: Regressions | undefined,
): Verdict["kind"] {
  const conclusion = conclusionOf(result, regressions);
  switch (conclusion) {
    case "measured":
      return "none";
    case "config":
    case "unreachable":
    case "error":
      throw new Error(`A result is never "${conclusion}".`);
    default:
      return conclusion;
  }
}

/** What there is to say until the moment it was stopped, after the word that it was. */
function cancelledTitle(result: Result, regressions: Regressions | undefined): string {
  if (nothingMeasured(result)) return "Cancelled, nothing measured";
  const soFar = kindOf({ ...result, state: "completed" }, regressions);
  if (soFar === "none" || soFar === "cancelled") return "Cancelled";
  return soFar === "invalid" ? "Cancelled, invalid" : `Cancelled, ${TITLES[soFar].toLowerCase()} so far`;
}

function regressedSentence(one: Regressed): string {
  const size = one.change.unit === "ratio" ? percentagePoints : percent;
  return `${regressionSentence(one)}, where ${size(one.allowed)} is allowed.`;
}

function worseSentence(count: number): string {
  return `${plural(count, "figure")} ${count === 1 ? "is" : "are"} worse than the baseline by more than is allowed.`;
}

/** The objectives of all levels by outcome. */
export function countOutcomes(result: Result): Readonly<Record<Outcome, number>> {
  const counts = { met: 0, violated: 0, inconclusive: 0 };
  for (const level of result.levels) for (const { outcome } of level.objectives) counts[outcome]++;
  return counts;
}

/** "95 % confidence, each bound alone", or what stands in its place. */
export function confidenceWords(result: Result): string {
  const { confidence } = result.plan;
  if (confidence === "none") return "plain estimates compared, no intervals";
  return `intervals at ${formatLimit(confidence, "ratio")} confidence, each bound alone`;
}

type Exploration = NonNullable<Result["exploration"]>;

const TITLES: Readonly<Record<Exclude<Verdict["kind"], "cancelled">, string>> = {
  met: "Met",
  violated: "Violated",
  regressed: "Regressed",
  inconclusive: "Inconclusive",
  invalid: "Invalid",
  none: "Measured, no objectives given",
};

function summarize(result: Result): string {
  const counts = countOutcomes(result);
  const present = (["violated", "inconclusive", "met"] as const).filter((outcome) => counts[outcome] > 0);
  const all = counts.met + counts.violated + counts.inconclusive;
  const where = result.levels.length > 1 ? ` over ${plural(result.levels.length, "load level")}` : "";
  if (nothingMeasured(result)) return "No request was measured, so nothing can be said.";
  if (all === 0 && result.imported !== undefined) return `Figures only, by ${result.imported.title}.`;
  if (all === 0) return "Figures only: give objectives to get a verdict.";
  if (result.exploration !== undefined) return capacity(result, result.exploration);
  if (all === 1) return `The only objective is ${present[0]}.`;
  if (present.length === 1) return `All ${all} objectives are ${present[0]}${where}.`;
  return `Of ${all} objectives${where}: ${listed(present.map((outcome) => `${counts[outcome]} ${outcome}`))}.`;
}

/** Of an exploration some levels are violated by intention: what counts is the highest that is not. */
function capacity(result: Result, { kind, of, highest_passing, lowest_failing }: Exploration): string {
  const tried = plural(result.levels.length, "load level");
  if (kind === "sweep") {
    return `A sweep over ${tried}: ${plural(keptLevels(result).length, "level")} met every objective.`;
  }
  const words = (load: number) =>
    `${formatLimit(load, "requests")} ${of === "rate" ? "per second" : "in flight"}`;
  if (highest_passing === undefined) {
    const least = lowest_failing === undefined ? "" : `, not even ${words(lowest_failing)}`;
    return `Of ${tried} tried, none met every objective${least}.`;
  }
  const failing =
    lowest_failing === undefined
      ? "the search went no higher"
      : `${formatLimit(lowest_failing, "requests").split(" ")[0]} did not`;
  return `The highest load that met every objective is ${words(highest_passing)}; ${failing} (${tried} tried).`;
}

function keptLevels({ levels }: Result): readonly LevelResult[] {
  return levels.filter(
    ({ objectives }) => objectives.length > 0 && objectives.every(({ outcome }) => outcome === "met"),
  );
}

function nothingMeasured({ levels, imported }: Result): boolean {
  // GenAI-Perf tells figures and not always of how many requests.
  const untold = imported !== undefined && levels.some(({ metrics }) => Object.keys(metrics).length > 0);
  return !untold && levels.every(({ requests }) => requests.issued === 0);
}

function invalidCodes({ findings }: Result): string {
  const codes = [...new Set(findings.filter(({ level }) => level === "invalid").map(({ code }) => code))];
  return codes.length > 0 ? ` (${listed(shortened(codes))})` : "";
}

/** The head of a report names a few; the sections below hold them all. */
function shortened(names: readonly string[], most = 4): readonly string[] {
  return names.length <= most ? names : [...names.slice(0, most - 1), `${names.length - most + 1} more`];
}

function lowered(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** A verdict that nothing could turn holds, though another of the run does not. */
function standingNote({ valid, levels }: Result): readonly string[] {
  const objectives = levels.flatMap(({ name, objectives }) => objectives.map((one) => ({ ...one, name })));
  if (valid || objectives.every(({ invalid }) => invalid === undefined)) return [];
  const standing = objectives.filter(({ invalid }) => invalid === undefined);
  const named = standing.map(
    ({ objective, outcome, name }) => `${objective} is ${outcome}${levels.length > 1 ? ` at ${name}` : ""}`,
  );
  return standing.length === 0 ? [] : [`What stands all the same: ${listed(shortened(named))}.`];
}

/** Without objectives nobody asks for a verdict, and what moved the figures would be overlooked. */
function doubtNote({ levels, findings }: Result): readonly string[] {
  if (levels.some(({ objectives }) => objectives.length > 0)) return [];
  const doubtful = findings.filter(({ code }) => (DOUBTFUL as readonly string[]).includes(code));
  if (doubtful.length === 0) return [];
  const figures = [...new Set(doubtful.flatMap(({ touches = [] }) => touches))];
  const codes = [...new Set(doubtful.map(({ code }) => code))];
  return [`Not to be taken at face value, by ${listed(codes)}: ${listed(figures)}.`];
}

/** Its definitions are its own, and its figures are read by them. */
function importedNote({ imported }: Result): readonly string[] {
  return imported === undefined ? [] : [imported.differences.join(" ")];
}

/** With several loads, the question behind the verdict is how much load the service can take. */
function keptNote(result: Result): readonly string[] {
  const { levels, verdict, exploration } = result;
  if (levels.length < 2 || verdict === undefined) return [];
  if (exploration === undefined ? verdict === "met" : exploration.kind === "search") return [];
  const kept = keptLevels(result);
  if (kept.length === 0) return exploration === undefined ? ["No load level met every objective."] : [];
  return [`Every objective is met at ${listed(shortened(kept.map((level) => level.name)))}.`];
}

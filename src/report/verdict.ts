import type { Outcome, Result } from "../result.ts";
import { formatLimit, listed, plural } from "./format.ts";

/** What the head of every report says. Words of the target are raw here: each form escapes its own. */
export interface Verdict {
  readonly kind: Outcome | "invalid" | "none";
  /** One or two words: "Violated", "Met, cancelled". */
  readonly title: string;
  /** The first sentence: what was found. May hold names from findings. */
  readonly summary: string;
  /** What must be known beside it: invalid, cancelled, the loads that keep every objective. */
  readonly notes: readonly string[];
}

/** A word never stands without its symbol, nor the symbol without its word. */
export const SYMBOLS: Readonly<Record<Verdict["kind"], string>> = {
  met: "✓",
  violated: "✗",
  inconclusive: "?",
  invalid: "⊘",
  none: "○",
};

export const EMOJI: Readonly<Record<Verdict["kind"], string>> = {
  met: "✅",
  violated: "❌",
  inconclusive: "⚠️",
  invalid: "🚫",
  none: "📏",
};

export function describeVerdict(result: Result): Verdict {
  const kind = !result.valid ? "invalid" : (result.verdict ?? "none");
  const cancelled = result.state === "cancelled";
  const title = kind === "none" && nothingMeasured(result) ? "Nothing measured" : TITLES[kind];
  return {
    kind,
    title: cancelled ? `${title}, cancelled` : title,
    summary: result.valid ? summarize(result) : `This run may not be believed${invalidCodes(result)}.`,
    notes: [
      ...(result.valid
        ? []
        : [`An invalid run never passes. Its figures, taken at face value: ${lowered(summarize(result))}`]),
      ...(cancelled
        ? ["The run was cancelled before its plan was done; what was measured until then stands."]
        : []),
      ...keptNote(result),
    ],
  };
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

const TITLES: Readonly<Record<Verdict["kind"], string>> = {
  met: "Met",
  violated: "Violated",
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
  if (all === 0) return "Figures only: give objectives to get a verdict.";
  if (all === 1) return `The only objective is ${present[0]}.`;
  if (present.length === 1) return `All ${all} objectives are ${present[0]}${where}.`;
  return `Of ${all} objectives${where}: ${listed(present.map((outcome) => `${counts[outcome]} ${outcome}`))}.`;
}

function nothingMeasured({ levels }: Result): boolean {
  return levels.every(({ requests }) => requests.issued === 0);
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

/** With several loads, the question behind the verdict is how much load the service can take. */
function keptNote({ levels, verdict }: Result): readonly string[] {
  if (levels.length < 2 || verdict === undefined || verdict === "met") return [];
  const kept = levels.filter(
    ({ objectives }) => objectives.length > 0 && objectives.every(({ outcome }) => outcome === "met"),
  );
  if (kept.length === 0) return ["No load level met every objective."];
  return [`Every objective is met at ${listed(shortened(kept.map((level) => level.name)))}.`];
}

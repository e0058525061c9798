import { styleText } from "node:util";
import type { ComparedLevel, Comparison, MetricChange } from "../result.ts";
import { changeText, intervalText } from "./change-text.ts";
import { terminalText } from "./escape.ts";
import { formatMoment, formatValue } from "./format.ts";
import { type Column, textTable, wrapWords } from "./text-table.ts";

/** A comparison for a terminal or a log, one table per load level. */
export function renderComparisonText(
  comparison: Comparison,
  options: { readonly color: boolean; readonly width?: number },
): string {
  const width = Math.max(40, options.width ?? 110);
  const paint: Paint = (style, text) =>
    options.color && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  const parts = [
    head(comparison, paint),
    ...(comparison.incomparable === undefined
      ? [
          ...comparison.levels.map((level) => levelLines(level, width, paint)),
          legend(comparison, width, paint),
        ]
      : [wrapWords(`? No comparable baseline: ${terminalText(comparison.incomparable)}`, width)]),
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

type Style = "green" | "red" | "dim" | "bold";
type Paint = (style: Style, text: string) => string;

/** A word never stands without its symbol, nor the symbol without its word. */
export const CHANGE_WORDS: Readonly<Record<MetricChange["change"], string>> = {
  better: "✓ better",
  worse: "✗ worse",
  unclear: "? unclear",
};

const CHANGE_STYLES: Readonly<Record<MetricChange["change"], Style>> = {
  better: "green",
  worse: "red",
  unclear: "dim",
};

const INDENT = "  ";

const COLUMNS: readonly Column[] = [
  { head: "Figure" },
  { head: "Base", align: "right" },
  { head: "Head", align: "right" },
  { head: "Change", align: "right" },
  { head: "Interval", align: "right" },
  { head: "" },
];

function head({ kind, baseline }: Comparison, paint: Paint): readonly string[] {
  const how =
    kind === "same_run"
      ? "measured in the same run, in alternating blocks"
      : `a stored run, ${formatMoment(terminalText(baseline.started_at, 40))}`;
  return [
    paint("bold", "Against the baseline"),
    `${INDENT}${terminalText(baseline.url, 200)}, model ${terminalText(baseline.model, 100)}`,
    `${INDENT}${how} (${terminalText(baseline.run_id, 60)})`,
  ];
}

function levelLines(level: ComparedLevel, width: number, paint: Paint): readonly string[] {
  const rows = level.changes.map((change) => [
    terminalText(change.metric, 60),
    formatValue(change.base, change.unit, [change.head]),
    formatValue(change.head, change.unit, [change.base]),
    changeText(change),
    intervalText(change),
    paint(CHANGE_STYLES[change.change], CHANGE_WORDS[change.change]),
  ]);
  const table = textTable(COLUMNS, rows, {
    width: width - INDENT.length,
    styleHead: (line) => paint("dim", line),
  });
  const only = (names: readonly string[], which: string) =>
    names.length === 0
      ? []
      : [`${INDENT}Only in the ${which}: ${names.map((name) => terminalText(name, 60)).join(", ")}`];
  return [
    paint("bold", terminalText(level.name, 100)),
    ...(rows.length === 0 ? [`${INDENT}Nothing to compare.`] : table.map((line) => INDENT + line)),
    ...only(level.added, "head"),
    ...only(level.removed, "base"),
  ];
}

function legend({ levels }: Comparison, width: number, paint: Paint): readonly string[] {
  const changes = levels.flatMap((level) => level.changes);
  if (changes.length === 0) return [];
  const together = changes.length === 1 ? "" : ` for all ${changes.length} figures together`;
  const text = changes.some(({ interval }) => interval !== undefined)
    ? `Each bound of an interval holds by itself with the run's confidence. A figure is called worse or better where the change is shown with that confidence${together}.`
    : "Without intervals nothing is shown to be worse or better.";
  return wrapWords(text, width).map((line) => paint("dim", line));
}

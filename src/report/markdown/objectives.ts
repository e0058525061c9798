import { markdownTable } from "markdown-table";
import type { Result } from "../../result.ts";
import { changeCell, hasBaseColumn } from "../against-base.ts";
import { markdownCode, markdownText } from "../escape.ts";
import { capitalized, formatCount, plural } from "../format.ts";
import { lightestFirst } from "../load-label.ts";
import { BASE_HEAD, outcomeKind, outcomeWords, type SloRow } from "../slo-rows.ts";
import { confidenceWords, EMOJI } from "../verdict.ts";
import { atPlaces } from "./findings.ts";
import { seriesOf, tellingBars } from "./over-time-bars.ts";

/** More rows than this are not taken in at a glance. */
const MOST_ROWS = 15;
/** A table of loads by objectives may be as large as this. */
const MOST_COLUMNS = 5;
const MOST_LOADS = 24;

/** More reasons than this are read in the full report. */
const MOST_REASONS = 60;

/** Padding cells to line up would spend the length limit on spaces that no reader sees. */
export const LOOSE = { alignDelimiters: false } as const;

export interface TableOptions {
  /** Most rows; the worst come first where not all are shown. */
  readonly most?: number;
  /** Whether a metric's course stands beside its figure, where it says something. */
  readonly bars: boolean;
}

/** Whether all objectives of all loads fit one table that is read row by row. */
export function isShort(rows: readonly SloRow[]): boolean {
  return rows.length <= MOST_ROWS;
}

/** The table at a glance: row by row where there are few, else a row per load, else the worst. */
export function glanceTable(result: Result, rows: readonly SloRow[], bars: boolean): string {
  if (isShort(rows)) return objectiveTable(result, rows, { bars });
  return loadTable(result, rows) ?? objectiveTable(result, rows, { most: MOST_ROWS, bars });
}

/** What was asked, what was seen, and what follows, row by row. */
export function objectiveTable(
  result: Result,
  rows: readonly SloRow[],
  { most = Number.POSITIVE_INFINITY, bars }: TableOptions,
): string {
  if (rows.length === 0) return "";
  const shown = rows.length <= most ? rows : worstFirst(rows).slice(0, most);
  const compared = hasBaseColumn(result);
  const several = result.levels.length > 1;
  const courses = bars ? coursesOf(result, shown) : [];
  const drawn = courses.some((course) => course !== undefined);
  const heads = [
    ...(several ? ["Load"] : []),
    ...["Objective", "Observed", "Interval"],
    ...(compared ? [BASE_HEAD] : []),
    "Verdict",
    // Last, so that every other line is the same without it.
    ...(drawn ? ["Over time"] : []),
  ];
  const cells = shown.map((row, i) => [
    // The name leads its group; repeating it on every line would hide where one load ends.
    ...(several ? [shown[i - 1]?.level === row.level ? "" : markdownCode(row.level, 60)] : []),
    markdownCode(row.objective, 120),
    // The figures that decide stand out from those that are as they should be.
    row.outcome === "violated" ? `**${row.observed}**` : row.observed,
    row.interval,
    ...(compared ? [changeCell(row.againstBase)] : []),
    outcomeWord(row),
    ...(drawn ? [courses[i] === undefined ? "" : `\`${courses[i]}\``] : []),
  ]);
  const align = heads.map((head) => (head === "Observed" || head === "Interval" ? "r" : "l"));
  const hidden = rows.length - shown.length;
  return [
    markdownTable([heads, ...cells], { align, ...LOOSE }),
    ...(hidden > 0 ? [`${formatCount(hidden)} more objectives are in the full report.`] : []),
    `<sub>${capitalized(confidenceWords(result))}${samplesWords(shown)}.</sub>${drawn ? " <sub>Over time: each row from 0 to its highest.</sub>" : ""}`,
  ].join("\n\n");
}

/** A row per load and a column per objective, from the lightest load to the heaviest; absent where they do not fit. */
function loadTable(result: Result, rows: readonly SloRow[]): string | undefined {
  const objectives = [...new Set(rows.map(({ objective }) => objective))];
  const { levels } = result;
  if (levels.length < 2 || levels.length > MOST_LOADS || objectives.length > MOST_COLUMNS) return undefined;
  // Two levels of one name could not be told apart.
  const byLevel = Map.groupBy(rows, ({ level }) => level);
  if (byLevel.size !== levels.length) return undefined;
  const cells = lightestFirst(levels).map((i) => {
    const { name } = levels[i]!;
    const own = byLevel.get(name) ?? [];
    return [
      markdownCode(name, 60),
      ...objectives.map((objective) => {
        const row = own.find((one) => one.objective === objective);
        return row === undefined ? "" : `${EMOJI[outcomeKind(row)]} ${row.observed}`;
      }),
      own.length === 0 ? `${EMOJI.inconclusive} inconclusive` : outcomeWord(worstFirst(own)[0]!),
    ];
  });
  const heads = ["Load", ...objectives.map((objective) => markdownCode(objective, 60)), "Verdict"];
  const align = ["l", ...objectives.map(() => "r"), "l"];
  return [
    markdownTable([heads, ...cells], { align, ...LOOSE }),
    `<sub>${EMOJI.met} met, ${EMOJI.violated} violated, ${EMOJI.inconclusive} inconclusive${rows.some(({ invalid }) => invalid.length > 0) ? `, ${EMOJI.invalid} invalid` : ""}. The list of every objective holds the intervals.</sub>`,
  ].join("\n\n");
}

/** Why an outcome is open, and what would decide it; the same reason is said once. */
export function inconclusiveReasons(rows: readonly SloRow[], several: boolean): readonly string[] {
  const open = rows.filter(({ outcome, invalid }) => outcome === "inconclusive" || invalid.length > 0);
  const groups = Map.groupBy(open, (row) => `${row.objective}\n${row.explanation}`);
  return [...groups.values()].slice(0, MOST_REASONS).map((group) => {
    const { objective, explanation } = group[0]!;
    const symbol = EMOJI[outcomeKind(group[0]!)];
    const places = several ? atPlaces(group.map(({ level }) => level)) : "";
    const why = markdownText(explanation ?? "no reason was given.");
    return `- ${symbol} ${markdownCode(objective, 120)}${places}: ${why}`;
  });
}

export function outcomeWord(row: Pick<SloRow, "outcome" | "invalid">): string {
  return `${EMOJI[outcomeKind(row)]} ${outcomeWords(row)}`;
}

function coursesOf({ levels }: Result, rows: readonly SloRow[]): readonly (string | undefined)[] {
  const byName = new Map(levels.map((level) => [level.name, level]));
  return rows.map(({ level, source }) => {
    const found = byName.get(level);
    return found && tellingBars(seriesOf(found, source.metric));
  });
}

function samplesWords(rows: readonly SloRow[]): string {
  const counts = rows.map(({ source }) => source.samples);
  const [least, most] = counts.reduce(
    ([low, high], count) => [Math.min(low, count), Math.max(high, count)],
    [Number.POSITIVE_INFINITY, 0],
  );
  const each = rows.length > 1 ? " each" : "";
  return least === most
    ? `; ${plural(most, "sample")}${each}`
    : `; ${formatCount(least)} to ${plural(most, "sample")} each`;
}

function worstFirst(rows: readonly SloRow[]): readonly SloRow[] {
  const order = ["invalid", "violated", "inconclusive", "met"] as const;
  return rows.toSorted((a, b) => order.indexOf(outcomeKind(a)) - order.indexOf(outcomeKind(b)));
}

import type { LevelResult } from "../../result.ts";
import { plural } from "../format.ts";
import { lightestFirst } from "../load-label.ts";

/** More curves than this over each other cannot be told apart. */
const MOST_CURVES = 6;

export interface ChosenLevel {
  readonly level: LevelResult;
  /** Place in the run, which gives the colour. */
  readonly index: number;
}

/** The levels to draw over each other: all where they are few, else the lightest, the heaviest and some between. */
export function chosenLevels(levels: readonly LevelResult[]): readonly ChosenLevel[] {
  const measured = lightestFirst(levels).flatMap((index) => {
    const level = levels[index]!;
    return Object.values(level.histograms).some((buckets) => buckets.length > 0) ? [{ level, index }] : [];
  });
  if (measured.length <= MOST_CURVES) return measured;
  return Array.from(
    { length: MOST_CURVES },
    (_, i) => measured[Math.round((i * (measured.length - 1)) / (MOST_CURVES - 1))]!,
  ).map(({ level }, i) => ({ level, index: i }));
}

/** Said where some were left out. */
export function chosenNote(levels: readonly LevelResult[], chosen: readonly ChosenLevel[]): string {
  return levels.length > MOST_CURVES && chosen.length < levels.length
    ? `<p class="muted small">${chosen.length} of ${plural(levels.length, "load level")} are drawn; the table above holds them all.</p>`
    : "";
}

import { Histogram } from "./histogram.ts";

/**
 * Requests by their place in the plan, in sections each a fifth longer than the one before: a start of any length can
 * be left out to within a fifth of it, and a million requests need no more than some seventy histograms.
 */
const FIRST = 5;
const PER_DOUBLING = 4;

export function sectionOf(index: number): number {
  const doublings = Math.log2(index / (PER_DOUBLING * FIRST));
  return doublings < 0 ? Math.floor(index / FIRST) : PER_DOUBLING + Math.floor(PER_DOUBLING * doublings);
}

export type Sections = readonly (Histogram | undefined)[];

export function mergeSections(parts: readonly Sections[]): Sections {
  const count = Math.max(0, ...parts.map(({ length }) => length));
  return Array.from({ length: count }, (_, section) => {
    const present = parts.flatMap((part) => part[section] ?? []);
    return present.length === 0 ? undefined : mergedHistogram(present);
  });
}

/** Of all parts, from one section on. */
export function mergedSections(parts: readonly Sections[], from = 0): Histogram {
  return mergedHistogram(parts.flatMap((part) => part.slice(from).flatMap((histogram) => histogram ?? [])));
}

function mergedHistogram(parts: readonly Histogram[]): Histogram {
  const merged = new Histogram();
  for (const part of parts) merged.merge(part);
  return merged;
}

import type { Verdict } from "../verdict.ts";

/** The verdict's symbol as a drawing, because fonts draw the characters in very different sizes. */
export function verdictBadge(kind: Verdict["kind"]): string {
  return `<svg class="badge" viewBox="0 0 56 56" aria-hidden="true"><circle cx="28" cy="28" r="26"/>${DRAWINGS[kind]}</svg>`;
}

const DRAWINGS: Readonly<Record<Verdict["kind"], string>> = {
  met: '<path d="M17 29l8 8 15-17"/>',
  violated: '<path d="M19 19l18 18M37 19l-18 18"/>',
  regressed: '<path d="M28 16v22M18 29l10 10 10-10"/>',
  cancelled: '<path d="M20 20h16v16h-16z"/>',
  inconclusive:
    '<path d="M21 22a7.5 7.5 0 1 1 10 7c-2 1-3 2-3 4.500"/><circle class="point" cx="28" cy="40.500" r="2.400"/>',
  invalid: '<path d="M11 11l34 34"/>',
  none: '<path d="M18 38v-8M28 38v-20M38 38v-13"/>',
};

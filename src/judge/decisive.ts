/**
 * Looking several times and stopping at the first clear answer is wrong more often than looking once. The
 * looks are therefore planned, and the risk of one run (5 % at a confidence of 95 %) is divided among them
 * beforehand: half of it to the last look, the other half in equal parts to the earlier ones. The risks of
 * the looks add up to at most the risk of the run whatever the figures are and however they depend on each
 * other (Bonferroni's inequality). Dividing it in advance by a fixed rule is the alpha spending of group
 * sequential trials (Lan and DeMets 1983); equal parts early are Pocock's (1977), a last look that keeps
 * most of its strength O'Brien and Fleming's (1979). Their exact boundaries would be a little narrower, but
 * assume normal figures, and quantiles of latencies are none.
 */

/** Earlier than this a look cannot show much, and costs risk all the same. */
const FEWEST = 100;

/**
 * After how many requests (or any other measure of a budget) to look, ascending, the last at the budget:
 * each look has twice the samples of the one before. A whole number is at least 1.
 */
export function looksFor(budgetRequests: number, fewest = FEWEST): readonly number[] {
  const looks: number[] = [];
  for (let at = Math.floor(budgetRequests); at >= fewest; at = Math.floor(at / 2)) looks.unshift(at);
  return looks.length > 0 ? looks : [Math.max(1, Math.floor(budgetRequests))];
}

/** What to judge with at a look, counted from 0, so that all `looks` together keep the confidence. */
export function confidenceAtLook(confidence: number, look: number, looks: number): number {
  const risk = 1 - confidence;
  if (looks <= 1) return confidence;
  return 1 - (look >= looks - 1 ? risk / 2 : risk / (2 * (looks - 1)));
}

import { type Plan, planOutline } from "../index.ts";

/** What a run would do, without doing it. */
export async function dryRun(plan: Plan): Promise<string> {
  const { settings, levels, objectives } = await planOutline(plan);
  const lines = [
    `Plan ${settings.hash.slice(0, 12)}, seed ${plan.seed}: ${plan.target.url}${plan.baseline ? ` against ${plan.baseline.url}` : ""}`,
    "",
    ...levels.flatMap((level) => [
      `${level.name}`,
      `  ends    ${level.ends}`,
      `  warm-up ${level.warmupRequests} requests${level.rampRequests === 0 ? "" : `, the last ${level.rampRequests} of them at the level's rate`}`,
      ...(level.arrivals === undefined
        ? []
        : [
            `  arrives ${level.arrivals.count} requests in ${level.arrivals.spanSeconds.toFixed(3)} s, first at ${level.arrivals.first.map((s) => `${s.toFixed(3)} s`).join(", ")}`,
          ]),
      `  first   ${level.firstPrompt}`,
      "",
    ]),
    ...(levels.length === 0 ? ["Levels follow from what earlier ones show.", ""] : []),
    plan.objectives.length === 0 ? "No objectives." : "Objectives",
    ...objectives.map(
      ({ text, fewest, planned, needsStored }) =>
        `  ${text}${decides(fewest, planned)}${needsStored ? "; only against a stored baseline (--baseline)" : ""}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** What so many requests can decide, before any is sent. */
function decides(fewest: number | undefined, planned: number | undefined): string {
  if (fewest === undefined) return "";
  if (planned !== undefined && planned < fewest) {
    return `: cannot be met, for that takes ${fewest} independent requests, and ${planned} are planned`;
  }
  return `: can be met from ${fewest} independent requests on, of a service that queues from several times as many`;
}

import { parseDuration } from "../units.ts";
import type { Range, Stage } from "./plan.ts";

/**
 * Reads stages, "30s:50,1m:50,10s:0": in 30 s up to 50, there for a minute, and back to 0 in 10 s.
 * A comma, a semicolon or a new line stands between two.
 */
export function parseStages(text: string): Stage[] | { readonly message: string } {
  const parts = text
    .split(/[,;\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const stages: Stage[] = [];
  for (const part of parts) {
    const [, durationText = "", targetText = ""] = /^([^:]*):\s*(\d+(?:\.\d+)?)$/.exec(part) ?? [];
    const durationNs = parseDuration(durationText);
    if (targetText === "" || durationNs === undefined || durationNs === 0) {
      return {
        message: `has ${JSON.stringify(part)} where a stage should be: how long, a colon, and what to reach by then, for example 30s:50.`,
      };
    }
    stages.push({ durationNs, target: Number(targetText) });
  }
  if (stages.length === 0) return { message: "should be stages, for example 30s:50,1m:50,10s:0." };
  if (stages.every(({ target }) => target === 0)) {
    return { message: "should have a stage above 0; in these nothing would be sent." };
  }
  return stages;
}

/** Reads one duration, "1s", or two with a dash between them, "0.5s-5s". */
export function parseRange(text: string): Range | { readonly message: string } {
  const ends = text.split("-").map((end) => (end.trim() === "0" ? 0 : parseDuration(end)));
  const [minNs, maxNs = minNs] = ends;
  if (ends.length > 2 || minNs === undefined || maxNs === undefined || ends.includes(undefined)) {
    return { message: "should be a duration or a range of two, for example 1s or 0.5s-5s." };
  }
  if (minNs > maxNs) return { message: "should have the shorter duration first, for example 0.5s-5s." };
  return { minNs, maxNs };
}

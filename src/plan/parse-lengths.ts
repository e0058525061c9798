import { NO_MAX } from "./lengths.ts";
import type { Lengths } from "./plan.ts";

/**
 * Reads how many tokens:
 *
 *   256                              always
 *   uniform:100-300                  any number from 100 to 300
 *   normal:256,50                    mean and standard deviation
 *   normal:256,50,min=10,max=900     kept within these; without them 1 and no end
 *   lognormal:256,100                mean and standard deviation of the lengths, not of their logarithms
 */
export function parseLengths(text: string): Lengths | { readonly message: string } {
  const [, kind, rest] = /^(?:(uniform|normal|lognormal)\s*:)?(.*)$/s.exec(text.trim().toLowerCase())!;
  switch (kind) {
    case "uniform":
      return parseUniform(rest!);
    case "normal":
    case "lognormal":
      return parseBell(kind, rest!);
    default: {
      const tokens = wholeNumber(rest!);
      return tokens === undefined ? { message: ANY } : { kind: "fixed", tokens };
    }
  }
}

const ANY =
  "should be a number of tokens from 1 on, or uniform:100-300, normal:256,50 or lognormal:256,100 (mean, standard deviation; ,min=10,max=900 may follow).";

function parseUniform(text: string): Lengths | { readonly message: string } {
  const ends = text.split("-").map(wholeNumber);
  const [min, max] = ends;
  if (ends.length !== 2 || min === undefined || max === undefined) {
    return { message: "should have two whole numbers from 1 on, for example uniform:100-300." };
  }
  if (min > max) return { message: `should have the smaller number first: uniform:${max}-${min}.` };
  return { kind: "uniform", min, max };
}

function parseBell(kind: "normal" | "lognormal", text: string): Lengths | { readonly message: string } {
  const [meanText = "", stdText = "", ...bounds] = text.split(",").map((part) => part.trim());
  const mean = decimal(meanText);
  const std = decimal(stdText);
  if (mean === undefined || mean < 1 || std === undefined) {
    return {
      message: `should have a mean from 1 on and a standard deviation from 0 on, for example ${kind}:256,50.`,
    };
  }
  let [min, max] = [1, NO_MAX];
  for (const bound of bounds) {
    const [, name, value] = /^(min|max)\s*=(.*)$/.exec(bound) ?? [];
    const tokens = wholeNumber(value ?? "");
    if (tokens === undefined) {
      return {
        message: `has ${JSON.stringify(bound)} where min=10 or max=900, a whole number from 1 on, may stand.`,
      };
    }
    if (name === "min") min = tokens;
    else max = tokens;
  }
  if (min > max) return { message: `should have a min that is at most max; it has min=${min}, max=${max}.` };
  return { kind, mean, std, min, max };
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : 0;
  return value >= 1 && Number.isSafeInteger(value) ? value : undefined;
}

function decimal(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

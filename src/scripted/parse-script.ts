import { ConfigError, type Mistake } from "../errors.ts";
import { NS_PER_MS, parseDuration } from "../units.ts";
import { DIALECT_NAMES } from "./dialects.ts";
import { FAIL_KINDS, type FailKind, randomFaults } from "./faults.ts";
import type { Script } from "./script.ts";

/** What can be set on the command line, as text. */
export type ScriptFlags = Readonly<Partial<Record<ScriptFlag, string>>> & { readonly flood?: boolean };
export const SCRIPT_FLAGS = [
  "port",
  "ttft",
  "gap",
  "tokens-per-chunk",
  "chunks",
  "buffer",
  "capacity",
  "prefix-cache",
  "fail-rate",
  "fail-kind",
  "seed",
  "stall-at",
  "stall-for",
  "model",
  "protocol",
] as const;
export type ScriptFlag = (typeof SCRIPT_FLAGS)[number];

export interface ParsedScript {
  readonly script: Script;
  readonly port: number;
}

const DEFAULTS = { port: 8090, ttftMs: 50, gapMs: 10, failKind: "status_500", seed: 1 } as const;

/** @throws ConfigError with all mistakes at once. */
export function parseScript(flags: ScriptFlags): ParsedScript {
  const mistakes: Mistake[] = [];
  const read = <T>(
    flag: ScriptFlag,
    parse: (text: string) => T | undefined,
    right: string,
  ): T | undefined => {
    const text = flags[flag];
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined)
      mistakes.push({ field: `--${flag}`, value: text, message: `should be ${right}.` });
    return value;
  };
  const count = (flag: ScriptFlag, least: number, right: string) => read(flag, wholeNumber(least), right);
  const time = (flag: ScriptFlag) => read(flag, milliseconds, "a time, for example 50ms or 2s");

  const port = read("port", portNumber, "a port from 0 to 65535; 0 picks a free one");
  const ttftMs = time("ttft");
  const gapMs = time("gap");
  const tokensPerChunk = count("tokens-per-chunk", 1, "a whole number from 1 on, for example 4");
  const chunks = count("chunks", 1, "a whole number from 1 on, for example 64");
  const buffer = read(
    "buffer",
    (text) => (text === "all" ? Number.POSITIVE_INFINITY : wholeNumber(1)(text)),
    "a whole number of chunks from 1 on, or all",
  );
  const capacity = count("capacity", 1, "a whole number from 1 on, for example 8");
  const prefixCache = count("prefix-cache", 1, "words per block, a whole number from 1 on, for example 16");
  const failRate = read("fail-rate", share, "a share of requests, for example 5% or 0.05");
  const failKind = read(
    "fail-kind",
    (text): FailKind | undefined => FAIL_KINDS.find((kind) => kind === text),
    `one of ${FAIL_KINDS.join(", ")}`,
  );
  const seed = count("seed", 0, "a whole number from 0 on, for example 1");
  const stallAt = time("stall-at");
  const stallFor = time("stall-for");
  const protocols = read("protocol", spoken, `all, or one or more of ${DIALECT_NAMES.join(", ")}`);
  if ((flags["stall-at"] === undefined) !== (flags["stall-for"] === undefined)) {
    const [given, missing] =
      flags["stall-at"] === undefined ? ["stall-for", "stall-at"] : ["stall-at", "stall-for"];
    mistakes.push({ field: `--${given}`, message: `needs --${missing}.` });
  }
  if (flags["fail-kind"] !== undefined && flags["fail-rate"] === undefined) {
    mistakes.push({ field: "--fail-kind", message: "needs --fail-rate." });
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return {
    port: port ?? DEFAULTS.port,
    script: {
      ttftMs: ttftMs ?? DEFAULTS.ttftMs,
      gapMs: gapMs ?? DEFAULTS.gapMs,
      ...(tokensPerChunk !== undefined && { tokensPerChunk }),
      ...(chunks !== undefined && { chunks }),
      ...(buffer !== undefined && { buffer }),
      ...(capacity !== undefined && { capacity }),
      ...(prefixCache !== undefined && { prefixCache }),
      ...(failRate !== undefined && {
        fault: randomFaults(failRate, failKind ?? DEFAULTS.failKind, seed ?? DEFAULTS.seed),
      }),
      ...(stallAt !== undefined && stallFor !== undefined && { stall: { atMs: stallAt, forMs: stallFor } }),
      ...(flags.model !== undefined && { model: flags.model }),
      ...(protocols !== undefined && { protocols }),
      ...(flags.flood && { flood: true }),
    },
  };
}

function wholeNumber(least: number): (text: string) => number | undefined {
  return (text) => (/^\d{1,15}$/.test(text) && Number(text) >= least ? Number(text) : undefined);
}

function portNumber(text: string): number | undefined {
  const port = wholeNumber(0)(text);
  return port !== undefined && port <= 65_535 ? port : undefined;
}

/** "50ms" and "2s"; a bare number is milliseconds. */
function milliseconds(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const ns = parseDuration(text);
  return ns === undefined ? undefined : ns / NS_PER_MS;
}

/** "5%" and "0.05" alike. */
function share(text: string): number | undefined {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits) / (percent === "%" ? 100 : 1);
  return value <= 1 ? value : undefined;
}

/** "all", or names with commas. */
function spoken(text: string): readonly string[] | undefined {
  if (text === "all") return DIALECT_NAMES;
  const names = text.split(",").map((name) => name.trim());
  return names.every((name) => DIALECT_NAMES.includes(name)) ? names : undefined;
}

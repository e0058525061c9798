import * as z from "zod/mini";
import {
  checkUrl,
  choice,
  confidence,
  count,
  duration,
  flag,
  lines,
  list,
  metricsUrl,
  parsed,
  positive,
  salt,
  share,
  single,
  text,
} from "./fields.ts";
import { parseLengths } from "./parse-lengths.ts";
import { parseRange, parseStages } from "./parse-stages.ts";
import { ARRIVALS, PROMPT_CACHES, PROTOCOLS, TRACE_FORMATS } from "./plan.ts";

/**
 * What a user may set, under the same names everywhere: flags of the command line, keys of a config file,
 * inputs of the Action. Values may come as text (flags, inputs) or typed (YAML); both read alike.
 */
export const runConfig = z.strictObject({
  url: text("an http or https URL without user or password, for example http://localhost:8085", checkUrl),
  model: z.optional(text("the name of a model that the target serves")),
  protocol: z.optional(choice(PROTOCOLS)),
  stream: z.optional(flag()),
  // Load.
  concurrency: z.optional(list(count(1), "requests in flight, for example 8 or 1,4,8")),
  rate: z.optional(list(positive(), "requests per second, for example 50 or 10,20,40")),
  arrivals: z.optional(choice(ARRIVALS)),
  burstiness: z.optional(single(positive(), "a number above 0; 1 is Poisson, below 1 burstier")),
  "max-concurrency": z.optional(single(count(1), "the most requests in flight, for example 200")),
  "rate-stages": z.optional(parsed(parseStages)),
  "concurrency-stages": z.optional(parsed(parseStages)),
  users: z.optional(single(count(1), "a number of virtual users, for example 100")),
  "spawn-rate": z.optional(single(positive(), "users that come per second, for example 10")),
  "think-time": z.optional(parsed(parseRange)),
  trace: z.optional(text("a trace file: Mooncake JSONL, Azure CSV or BurstGPT CSV")),
  "trace-format": z.optional(choice(TRACE_FORMATS)),
  "trace-scale": z.optional(
    single(positive(), "what the trace's gaps are multiplied by; 0.5 is twice as fast"),
  ),
  search: z.optional(choice(["rate", "concurrency"] as const)),
  "search-start": z.optional(single(positive(), "the load to begin with, for example 1")),
  "search-max": z.optional(single(positive(), "the highest load to try, for example 500")),
  "search-tolerance": z.optional(single(positive(), "how close to find it, as a share, for example 0.1")),
  sweep: z.optional(single(count(1), "how many rates to measure between one at a time and saturation")),
  // Workload.
  prompts: z.optional(text('"synthetic", "builtin", or a JSONL, CSV, ShareGPT JSON or text file')),
  "input-tokens": z.optional(parsed(parseLengths)),
  "output-tokens": z.optional(parsed(parseLengths)),
  "prefix-tokens": z.optional(single(count(0), "tokens that all prompts begin with, for example 1000")),
  turns: z.optional(single(count(1), "turns of a conversation, for example 3")),
  "turn-think": z.optional(parsed(parseRange)),
  tokenizer: z.optional(text("a tokenizer.json file")),
  "ignore-eos": z.optional(flag()),
  seed: z.optional(single(count(0), "a whole number from 0 on, for example 1")),
  "prompt-cache": z.optional(choice(PROMPT_CACHES)),
  "prompt-salt": z.optional(
    single(salt(), "up to 200 letters, digits, dots and dashes, for example 1f0c9a3e"),
  ),
  // When it ends.
  requests: z.optional(single(count(1), "requests per load level, for example 500")),
  duration: z.optional(single(duration(), "how long each load level lasts, for example 30s or 2m")),
  warmup: z.optional(single(count(0), "requests before each level, left out of the figures, for example 10")),
  timeout: z.optional(single(duration(), "the longest one request may take, for example 60s")),
  until: z.optional(choice(["done", "decisive"] as const)),
  "max-tokens": z.optional(single(count(1), "output tokens after which the run ends, for example 100000")),
  "max-errors": z.optional(single(count(1), "failed requests after which a level ends, for example 10")),
  "max-error-rate": z.optional(single(share(), "a share of failed requests, for example 10%")),
  "stop-on-overload": z.optional(flag()),
  // Verdict.
  slo: z.optional(lines()),
  confidence: z.optional(single(confidence(), 'above 0.5 and below 1, for example 0.95, or "none"')),
  "baseline-url": z.optional(
    text("an http or https URL to measure beside the target, without user or password", checkUrl),
  ),
  "baseline-model": z.optional(text("the name of a model that the baseline serves")),
  "metrics-url": z.optional(list(metricsUrl(), 'URLs of Prometheus pages, or "off"')),
});

/** Every key that can be set, in the order help prints them. */
export const CONFIG_KEYS = Object.keys(runConfig.shape) as readonly ConfigKey[];
export type ConfigKey = keyof typeof runConfig.shape;

/** Settings as they were read, each right by itself. */
export type Config = z.output<typeof runConfig>;

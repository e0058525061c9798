import { CONFIG_KEYS, type ConfigKey } from "./run-config.ts";

/** What people read about a setting: in the command line's help and in the schema of the config file. */
export interface Setting {
  /** What its value looks like. */
  readonly argument: string;
  readonly help: string;
  /** JSON Schema of the value in a file. */
  readonly schema: object;
}

const TEXT = { type: "string" };
const FLAG = { type: "boolean" };
const COUNT = { type: "integer", minimum: 1 };
const COUNT_OR_ZERO = { type: "integer", minimum: 0 };
const POSITIVE = { type: "number", exclusiveMinimum: 0 };
/** "30s", "2m"; a bare number is seconds. */
const TIME = { anyOf: [{ type: "string", pattern: "^[0-9.]+ ?(ns|us|µs|ms|s|m|h)$" }, POSITIVE] };
const oneOrMore = (schema: object) => ({ anyOf: [schema, { type: "array", items: schema, minItems: 1 }] });
const LENGTHS = { anyOf: [COUNT, TEXT] };

export const SETTINGS: Readonly<Record<ConfigKey, Setting>> = {
  url: { argument: "<url>", help: "endpoint to test: http://host, or http://host/v1", schema: TEXT },
  model: {
    argument: "<name>",
    help: "model to ask for; by default the first one that the endpoint lists",
    schema: TEXT,
  },
  protocol: {
    argument: "<name>",
    help: "openai-chat (default), openai-completions, openai-responses, openai-embeddings, triton, tgi, ollama or inference",
    schema: TEXT,
  },
  stream: { argument: "<bool>", help: "ask for answers as they are made (default true)", schema: FLAG },
  concurrency: {
    argument: "<n,…>",
    help: "closed loop: requests in flight, one or more levels, for example 1,4,8 (default 1)",
    schema: oneOrMore(COUNT),
  },
  rate: {
    argument: "<n,…>",
    help: "open loop: requests per second, one or more levels",
    schema: oneOrMore(POSITIVE),
  },
  arrivals: {
    argument: "<kind>",
    help: "of an open loop: poisson (default), constant or gamma",
    schema: { enum: ["constant", "poisson", "gamma"] },
  },
  burstiness: {
    argument: "<x>",
    help: "shape of gamma arrivals: 1 is Poisson, below 1 burstier",
    schema: POSITIVE,
  },
  "max-concurrency": {
    argument: "<n>",
    help: "most requests in flight in an open loop; of a sweep, the load that saturates (default 256)",
    schema: COUNT,
  },
  "rate-stages": {
    argument: "<stages>",
    help: "open loop whose rate goes in straight lines: 30s:50,1m:50,10s:0",
    schema: TEXT,
  },
  "concurrency-stages": {
    argument: "<stages>",
    help: "closed loop whose concurrency goes in straight lines: 30s:8,1m:8",
    schema: TEXT,
  },
  users: { argument: "<n>", help: "virtual users who ask, wait, think and ask again", schema: COUNT },
  "spawn-rate": {
    argument: "<n>",
    help: "users that come per second (default: all within the first)",
    schema: POSITIVE,
  },
  "think-time": { argument: "<range>", help: "of a user between answers (default 0.5s-5s)", schema: TEXT },
  trace: {
    argument: "<file>",
    help: "replay a trace: Mooncake JSONL, Azure CSV or BurstGPT CSV",
    schema: TEXT,
  },
  "trace-format": {
    argument: "<name>",
    help: "auto (default), mooncake, azure or burstgpt",
    schema: { enum: ["auto", "mooncake", "azure", "burstgpt"] },
  },
  "trace-scale": {
    argument: "<x>",
    help: "what a trace's gaps are multiplied by: 0.5 is twice as fast (default 1)",
    schema: POSITIVE,
  },
  search: {
    argument: "<of>",
    help: "find the highest rate, or concurrency, that meets all objectives",
    schema: { enum: ["rate", "concurrency"] },
  },
  "search-start": { argument: "<n>", help: "load to begin a search with (default 1)", schema: POSITIVE },
  "search-max": { argument: "<n>", help: "highest load to try (default 1024)", schema: POSITIVE },
  "search-tolerance": {
    argument: "<x>",
    help: "how close a search comes, as a share (default 0.1)",
    schema: POSITIVE,
  },
  sweep: {
    argument: "<n>",
    help: "one request at a time, then saturation, then n rates between both",
    schema: COUNT,
  },
  prompts: {
    argument: "<source>",
    help: "synthetic (default), builtin, or a file: JSONL, CSV, ShareGPT JSON or text",
    schema: TEXT,
  },
  "input-tokens": {
    argument: "<n>",
    help: "tokens per prompt: 256 (default), uniform:100-300, normal:256,50 or lognormal:256,100",
    schema: LENGTHS,
  },
  "output-tokens": {
    argument: "<n>",
    help: "most tokens per answer, likewise (default 128)",
    schema: LENGTHS,
  },
  "prefix-tokens": {
    argument: "<n>",
    help: "tokens that all prompts begin with (default 0)",
    schema: COUNT_OR_ZERO,
  },
  turns: {
    argument: "<n>",
    help: "turns of a conversation, each with the answers before it (default 1)",
    schema: COUNT,
  },
  "turn-think": {
    argument: "<range>",
    help: "between an answer and the next turn (default 0s)",
    schema: TEXT,
  },
  tokenizer: {
    argument: "<file>",
    help: "a tokenizer.json to make prompts of exact length with",
    schema: TEXT,
  },
  "ignore-eos": {
    argument: "<bool>",
    help: "ask for exactly output-tokens; vLLM, SGLang and llama.cpp know how",
    schema: FLAG,
  },
  seed: {
    argument: "<n>",
    help: "the same seed sends the same prompts at the same moments, but for the first words (default 1)",
    schema: COUNT_OR_ZERO,
  },
  "prompt-cache": {
    argument: "<kind>",
    help: "cold (default): synthetic prompts begin as no earlier run's do; warm: as the seed says, the same in every run",
    schema: { enum: ["cold", "warm"] },
  },
  "prompt-salt": {
    argument: "<text>",
    help: "begin prompts as the run with this salt did; the same for all shards of a run (default: a new one)",
    schema: { type: ["string", "number"], pattern: "^[\\w.-]{1,200}$" },
  },
  requests: {
    argument: "<n>",
    help: "requests per level (default 100, unless a duration is given)",
    schema: COUNT,
  },
  duration: { argument: "<time>", help: "how long each level lasts, for example 30s", schema: TIME },
  warmup: {
    argument: "<n>",
    help: "requests before each level, in no figure (default: one per slot, at least 3; for a rate a fifth of its requests more, at that rate just before the window)",
    schema: COUNT_OR_ZERO,
  },
  timeout: { argument: "<time>", help: "longest one request may take (default 120s)", schema: TIME },
  until: {
    argument: "<when>",
    help: "done (default), or decisive: end a level as soon as every objective is decided",
    schema: { enum: ["done", "decisive"] },
  },
  "max-tokens": {
    argument: "<n>",
    help: "output tokens after which the run ends: a cap on spending",
    schema: COUNT,
  },
  "max-errors": { argument: "<n>", help: "failed requests after which a level ends", schema: COUNT },
  "max-error-rate": {
    argument: "<share>",
    help: "share of failed requests above which a level ends, for example 10%",
    schema: { anyOf: [{ type: "number", exclusiveMinimum: 0, maximum: 1 }, TEXT] },
  },
  "stop-on-overload": {
    argument: "<bool>",
    help: "end a level whose arrivals outrun completions (default: only in a search)",
    schema: FLAG,
  },
  slo: {
    argument: "<objective>",
    help: "for example 'ttft_p95 < 500ms'; may be given more than once",
    schema: oneOrMore(TEXT),
  },
  confidence: {
    argument: "<x>",
    help: "of each bound of an interval (default 0.95), or none",
    schema: { anyOf: [{ type: "number", exclusiveMinimum: 0.5, exclusiveMaximum: 1 }, { const: "none" }] },
  },
  "baseline-url": {
    argument: "<url>",
    help: "endpoint to compare with, measured in alternating blocks of the same requests",
    schema: TEXT,
  },
  "baseline-model": { argument: "<name>", help: "model to ask the baseline for", schema: TEXT },
  "metrics-url": {
    argument: "<url,…>",
    help: "Prometheus pages of the endpoint's replicas (default <endpoint>/metrics), or off",
    schema: oneOrMore(TEXT),
  },
};

/** Of the config file, as JSON Schema (draft 2020-12). */
export function configSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Goodput run, version 1",
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(
      CONFIG_KEYS.map((key) => [key, { description: SETTINGS[key].help, ...SETTINGS[key].schema }]),
    ),
  };
}

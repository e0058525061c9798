import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/errors.ts";
import { FAIL_KINDS, randomFaults } from "../../src/scripted/faults.ts";
import { parseScript, type ScriptFlags } from "../../src/scripted/parse-script.ts";

test("without flags the first token comes after 50 ms and the others every 10 ms", () => {
  assert.deepEqual(parseScript({}), { port: 8090, script: { ttftMs: 50, gapMs: 10 } });
});

test("every flag is read", () => {
  const { port, script } = parseScript({
    port: "0",
    ttft: "0.2s",
    gap: "7",
    "tokens-per-chunk": "4",
    chunks: "16",
    buffer: "all",
    capacity: "8",
    "prefix-cache": "16",
    "fail-rate": "5%",
    "fail-kind": "reset",
    seed: "3",
    "stall-at": "10s",
    "stall-for": "2s",
    model: "m",
    protocol: "tgi, ollama",
    flood: true,
  });
  const { fault, ...rest } = script;
  assert.equal(port, 0);
  assert.equal(typeof fault, "function");
  assert.deepEqual(rest, {
    ttftMs: 200,
    gapMs: 7,
    tokensPerChunk: 4,
    chunks: 16,
    buffer: Number.POSITIVE_INFINITY,
    capacity: 8,
    prefixCache: 16,
    stall: { atMs: 10_000, forMs: 2000 },
    model: "m",
    protocols: ["tgi", "ollama"],
    flood: true,
  });
});

test("all mistakes come at once, each with its flag and what would be right", () => {
  const flags: ScriptFlags = {
    port: "70000",
    ttft: "soon",
    capacity: "0",
    "fail-rate": "200%",
    "fail-kind": "explode",
    "stall-at": "1s",
    protocol: "grpc",
  };
  assert.throws(
    () => parseScript(flags),
    (error: ConfigError) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(
        error.message,
        [
          '--port: "70000" should be a port from 0 to 65535; 0 picks a free one.',
          '--ttft: "soon" should be a time, for example 50ms or 2s.',
          '--capacity: "0" should be a whole number from 1 on, for example 8.',
          '--fail-rate: "200%" should be a share of requests, for example 5% or 0.05.',
          '--fail-kind: "explode" should be one of status_500, status_429, reset, truncate, error_event, silence.',
          '--protocol: "grpc" should be all, or one or more of openai-chat, openai-completions, openai-responses, openai-embeddings, triton, tgi, ollama, inference.',
          "--stall-at: needs --stall-for.",
        ].join("\n"),
      );
      return true;
    },
  );
});

test("the same seed spoils the same requests, as many as the rate says", () => {
  const spoiled = (seed: number) => {
    const fault = randomFaults(0.1, "status_500", seed);
    return Array.from({ length: 5000 }, (_, i) => fault(i, {}) !== undefined);
  };
  assert.deepEqual(spoiled(1), spoiled(1));
  assert.notDeepEqual(spoiled(1), spoiled(2));
  assert.equal(Math.round(spoiled(1).filter(Boolean).length / 50), 10, "percent");
});

test("nothing is spoiled at a rate of 0, everything at 1, whatever the kind", () => {
  for (const kind of FAIL_KINDS) {
    assert.equal(randomFaults(0, kind, 1)(0, {}), undefined);
    assert.ok(randomFaults(1, kind, 1)(0, {}));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/errors.ts";
import { parseConfig, planHash } from "../../src/plan/config.ts";

const flag = (key: string) => `--${key}`;

function mistakesOf(raw: Record<string, unknown>): string[] {
  try {
    parseConfig(raw, flag);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.mistakes.map(({ field, message }) => `${field} ${message}`);
  }
  return [];
}

test("text and typed values give the same plan", () => {
  const text = parseConfig(
    { url: "http://x", concurrency: "1,4", requests: "10", timeout: "30", slo: "ttft_p95<5" },
    flag,
  );
  const typed = parseConfig(
    { url: "http://x", concurrency: [1, 4], requests: 10, timeout: "30s", slo: ["ttft_p95<5"] },
    flag,
  );
  assert.deepEqual(text, typed);
  assert.deepEqual(
    text.levels.map(({ load }) => load),
    [
      { kind: "closed", concurrency: 1 },
      { kind: "closed", concurrency: 4 },
    ],
  );
});

test("all mistakes are told at once, each with its name and what would be right", () => {
  const mistakes = mistakesOf({
    url: "ftp://x",
    concurency: 4,
    requests: "10x",
    duration: "-5s",
    "output-tokens": 0,
    slo: ["ttft_p95 << 5", "error_rate < 1%", "tpot < 5"],
  });
  assert.equal(mistakes.length, 7);
  for (const expected of [
    /^--url should be an http or https URL/,
    /^--concurency is not known; did you mean concurrency\?/,
    /^--requests should be requests per load level, for example 500/,
    /^--duration should be how long/,
    /^--output-tokens should be/,
    /^--slo 1 column 11/,
    /^--slo 3 column 1/,
  ]) {
    assert.ok(
      mistakes.some((mistake) => expected.test(mistake)),
      `${expected} in ${mistakes.join("\n")}`,
    );
  }
});

test("a rate and a concurrency contradict each other", () => {
  assert.match(
    mistakesOf({ url: "http://x", rate: 5, concurrency: 2 }).join(),
    /--rate cannot go with --concurrency/,
  );
});

test("what shapes arrivals needs arrivals to shape", () => {
  assert.match(mistakesOf({ url: "http://x", arrivals: "poisson" }).join(), /--arrivals needs --rate/);
  assert.match(
    mistakesOf({ url: "http://x", rate: 5, arrivals: "constant", burstiness: 2 }).join(),
    /needs --arrivals gamma/,
  );
});

test("a URL with a password is refused, since every report names the URL", () => {
  assert.match(mistakesOf({ url: "http://me:secret@x" }).join(), /--url should be/);
});

test("without a url the message says what it is", () => {
  assert.match(mistakesOf({}).join(), /--url is required: the address of the endpoint/);
});

test("the plan's hash follows the load and not the address", () => {
  const plan = (raw: Record<string, unknown>) =>
    planHash(parseConfig({ url: "http://x", requests: 5, ...raw }, flag));
  assert.equal(plan({ url: "http://x" }), plan({ url: "http://y" }));
  assert.notEqual(plan({ seed: 1 }), plan({ seed: 2 }));
  assert.equal(plan({ "prompt-salt": "a" }), plan({ "prompt-salt": 12 }));
  assert.equal(plan({ "prompt-cache": "cold" }), plan({}));
  assert.notEqual(plan({ "prompt-cache": "warm" }), plan({}));
});

test("warm prompts have no salt", () => {
  assert.deepEqual(mistakesOf({ url: "http://x", "prompt-cache": "warm", "prompt-salt": "a" }), [
    "--prompt-salt cannot go with --prompt-cache warm, which sends the prompts of the seed alone.",
  ]);
});

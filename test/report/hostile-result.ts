import fc from "fast-check";
import type { LevelResult, ObjectiveResult, Outcome, Result } from "../../src/result.ts";
import { HOSTILE_TEXTS, STATES } from "./fixture.ts";

/** Pieces that mean something to Markdown, GitHub, Mermaid, HTML or a runner. */
const PIECES: readonly string[] = [
  ..."|`<>[]()!#*_~$\\&:@-=+.'\" \t\n\r0a🚀é\u0000\u001b\u202e\u2066\u200b\ud83d\udc00",
  ...["```", "-->", "<!--", "<details>", "</details>", "<br>", "@octocat", "#1", "GH-2", "![](x)", "[a](b)"],
  ...["https://evil.example", "www.evil.example", "a@b.example", "::error::x", "##[error]", "\n\n# head\n"],
  ...[
    "\n| a | b |\n|---|---|\n",
    "%%{init: {}}%%",
    ":tada:",
    "[^1]",
    "1. ",
    "- ",
    "> ",
    "</sub>",
    "deadbeef1",
  ],
];

const text = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((all) => all.join("")),
  },
  { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_TEXTS.slice(0, -1)) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(..."x`|<🚀").map((one) => one.repeat(3000)) },
);

const figure = fc.oneof(
  fc.double({ min: 0, max: 1e6, noNaN: true }),
  fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-300, 1e300, 5e-324),
);

const objective: fc.Arbitrary<ObjectiveResult> = fc.record({
  objective: text,
  metric: fc.oneof(text, fc.constantFrom("ttft_p95", "error_rate", "e2e_p95", "ttft_p95 regression")),
  op: fc.constantFrom("<", "<=", ">", ">="),
  limit: figure,
  unit: fc.constantFrom("ms", "ratio", "1/s", "tok/s", "requests"),
  observed: figure,
  interval: fc.tuple(fc.option(figure, { nil: null }), fc.option(figure, { nil: null })),
  samples: fc.nat(),
  outcome: fc.constantFrom<Outcome>("met", "violated", "inconclusive"),
  reason: text,
});

const [base] = STATES.violated!().levels as readonly [LevelResult, ...LevelResult[]];

const level: fc.Arbitrary<LevelResult> = fc
  .record({
    name: text,
    objectives: fc.array(objective, { maxLength: 6 }),
    failures: fc.array(fc.tuple(text, fc.nat()), { maxLength: 3 }),
    example: text,
    concurrency: figure,
    course: fc.array(figure, { maxLength: 30 }),
  })
  .map(({ name, objectives, failures, example, concurrency, course }) => ({
    ...base,
    name,
    load: { kind: "closed", concurrency },
    objectives,
    requests: { ...base.requests, failures: Object.fromEntries(failures) },
    failure_examples: Object.fromEntries(failures.map(([reason]) => [reason, example])),
    timeline: course.map((ttft_p95, i) => ({ ...base.timeline[0]!, t: i, ttft_p95 })),
  }));

const change = fc
  .record({ metric: text, base: figure, head: figure, change: fc.constantFrom("better", "worse", "unclear") })
  .map((one) => ({ ...one, unit: "ms", ratio: one.head / one.base, better: "lower" }) as const);

/** Results as a broken or malicious target, config or file from elsewhere could make them. */
export const hostileResult: fc.Arbitrary<Result> = fc
  .record({
    levels: fc.array(level, { maxLength: 8 }),
    findings: fc.array(
      fc.record({
        code: text,
        level: fc.constantFrom("note" as const, "invalid" as const),
        at: text,
        happened: text,
        matters: text,
        advice: text,
      }),
      { maxLength: 5 },
    ),
    words: fc.array(text, { minLength: 8, maxLength: 8 }),
    verdict: fc.constantFrom<Outcome>("met", "violated", "inconclusive"),
    valid: fc.boolean(),
    state: fc.constantFrom("completed" as const, "cancelled" as const),
    changes: fc.option(fc.array(change, { maxLength: 6 }), { nil: undefined }),
    incomparable: fc.option(text, { nil: undefined }),
  })
  .map(({ words, changes, incomparable, ...rest }) => {
    const [url, model, protocol, generator, run_id, node, cpu, hash] = words as [
      ...[string, string, string, string, string, string, string, string],
    ];
    const result = STATES.met!();
    return {
      ...result,
      ...rest,
      generator,
      run_id,
      started_at: hash,
      target: { url, model, protocol },
      plan: { ...result.plan, hash },
      environment: { ...result.environment, node, cpu },
      ...(changes !== undefined && {
        comparison: {
          kind: "stored",
          baseline: { run_id, started_at: hash, url, model },
          ...(incomparable !== undefined && { incomparable }),
          levels: [{ name: model, changes, added: words, removed: words }],
        },
      }),
    };
  });

/** More of everything than anybody would run, each name as long as names may be. */
export function hugeResult(levels: number, objectives: number): Result {
  const result = STATES.hostile!();
  const one = result.levels[0]!.objectives[0]!;
  const texts = HOSTILE_TEXTS.map((text) => text.slice(0, 500));
  const name = (i: number) => `${i} ${texts[i % texts.length]!}`;
  return {
    ...result,
    levels: Array.from({ length: levels }, (_, i) => ({
      ...result.levels[i % result.levels.length]!,
      name: name(i),
      failure_examples: {},
      objectives: Array.from({ length: objectives }, (_, j) => ({
        ...one,
        objective: name(j),
        reason: name(i + j),
        outcome: (["met", "violated", "inconclusive"] as const)[(i + j) % 3]!,
      })),
    })),
  };
}

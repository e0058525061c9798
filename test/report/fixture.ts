import type {
  ComparedLevel,
  Comparison,
  Finding,
  LatencyStats,
  LevelResult,
  MetricChange,
  ObjectiveResult,
  Outcome,
  Result,
  ServerSide,
  TimelinePoint,
} from "../../src/result.ts";
import { RESULT_SCHEMA } from "../../src/result.ts";
import { bucketIndex } from "../../src/summarize/histogram.ts";

/** Results as a run would write them, the same on every machine; one for each state a report can be in. */
export const STATES: Readonly<Record<string, () => Result>> = {
  met: () => withLevels([level({ concurrency: 4, ttftMs: 180 })]),
  violated: () =>
    withLevels([1, 8, 32].map((concurrency) => level({ concurrency, ttftMs: 110 + 12 * concurrency }))),
  inconclusive: () => withLevels([level({ concurrency: 2, ttftMs: 160, requests: 40 })]),
  invalid: () =>
    withLevels([doubted(level({ concurrency: 4, ttftMs: 180 }))], { valid: false, findings: [LATE, DRIFT] }),
  "no objectives": () => withLevels([level({ concurrency: 4, ttftMs: 180, judged: false })]),
  cancelled: () => withLevels([level({ concurrency: 1, ttftMs: 120 }), untouched(8)], { state: "cancelled" }),
  "all failed": () => withLevels([allFailed()]),
  "nothing measured": () => withLevels([], { state: "cancelled", duration_seconds: 0.4 }),
  "open loop": () =>
    withLevels(
      [5, 20].map((rate) => openLevel(rate)),
      { findings: [{ ...DRIFT, at: "20 req/s poisson" }] },
    ),
  compared: () => {
    const levels = [4, 16].map((concurrency) => level({ concurrency, ttftMs: 110 + 12 * concurrency }));
    return withLevels(levels, { comparison: comparisonOf(levels) });
  },
  incomparable: () => withLevels([level({ concurrency: 4, ttftMs: 180 })], { comparison: INCOMPARABLE }),
  sweep: () =>
    withLevels(
      // In the order of a search: doubling, then the middle of what is left.
      [1, 2, 4, 8, 16, 32, 64, 48, 40, 44, 42, 43].map((concurrency) =>
        level({ concurrency, ttftMs: 90 + 5 * concurrency, requests: 300, saturation: 30 }),
      ),
    ),
  "capacity search": () =>
    withLevels(
      [1, 2, 4, 8, 16, 12].map((concurrency) =>
        level({ concurrency, ttftMs: 110 + 10 * concurrency, requests: 900 }),
      ),
      {
        verdict: "met",
        exploration: { kind: "search", of: "concurrency", highest_passing: 12, lowest_failing: 16 },
      },
    ),
  regressed: () => {
    const levels = [4, 8].map((concurrency) => level({ concurrency, ttftMs: 110 + 12 * concurrency }));
    const { levels: compared, ...comparison } = comparisonOf(levels);
    const changed = compared.map(({ changes, ...one }) => ({
      ...one,
      changes: changes.filter(({ metric }) => metric !== "error_rate"),
    }));
    return withLevels(levels, { comparison: { ...comparison, levels: changed } });
  },
  drifting: () => withLevels([drifting()], { findings: [{ ...DRIFT, level: "note" }] }),
  "new loads": () => withLevels(newLoads()),
  "server side": () => {
    const result = withLevels([
      { ...level({ concurrency: 4, ttftMs: 180 }), server: SERVER },
      { ...level({ concurrency: 16, ttftMs: 48_000 }), server: SATURATED_SERVER },
    ]);
    return { ...result, plan: { ...result.plan, timeout_seconds: 300 } };
  },
  hostile: () => hostile(),
};

/** What a malicious or broken target could answer with. */
export const HOSTILE_TEXTS: readonly string[] = [
  "::set-output name=x::owned",
  "line one\n::error::injected\r\n##[command]rm",
  "\u001b[31mred\u001b[0m \u001b]8;;http://evil.example\u0007link\u001b]8;;\u0007 \u009b2J",
  "<script>alert(1)</script><img src=x onerror=alert(1)>",
  "| extra | column |\n|---|---|",
  "![img](http://evil.example/x.png) [link](https://evil.example) www.evil.example",
  "@octocat please see #1, GH-2 and deadbeefcafe1234567890abcdefdeadbeefcafe",
  "``` ````` ` unbalanced \\` \\| \\\\|",
  "<!-- goodput:spoof --> --> ---> </details><details open><summary>x</summary>",
  "\u202eevil\u202c \u2066iso\u2069 zero\u200bwidth \ufeff",
  '=HYPERLINK("http://evil"),+1,-1,@SUM(A1)',
  "]]> &amp; &lt; \" ' \u0000\u0001\u000b\ufffe\uffff \ud800 lone",
  `😀${"🚀".repeat(2000)}`,
  "$\\textcolor{red}{x}$ :octocat: *bold* _em_ ~~gone~~ [^1] https://evil.example",
  `long ${"x".repeat(1_000_000)}`,
];

interface LevelOptions {
  readonly concurrency: number;
  readonly ttftMs: number;
  readonly requests?: number;
  readonly judged?: boolean;
  /** From this concurrency on, more requests in flight give no more throughput. */
  readonly saturation?: number;
}

function level({
  concurrency,
  ttftMs,
  requests = 600,
  judged = true,
  saturation = Number.POSITIVE_INFINITY,
}: LevelOptions): LevelResult {
  const random = seeded(concurrency * 7919 + requests);
  const failed = concurrency > 16 ? 9 : 0;
  const completed = requests - failed;
  const ttft = lognormal(completed, ttftMs, 0.28, random);
  const slower = Math.max(1, concurrency / saturation);
  const tpot = lognormal(completed, (14 + concurrency * 0.4) * slower, 0.12, random);
  const itl = lognormal(completed * 10, (14 + concurrency * 0.4) * slower, 0.3, random);
  const e2e = ttft.map((first, i) => first + tpot[i]! * 127);
  const mean = average(e2e);
  const seconds = (requests * mean) / 1000 / concurrency;
  const perSecond = completed / seconds;
  const error_rate = failed / requests;
  const stats = { ttft: statsOf(ttft), tpot: statsOf(tpot), itl: statsOf(itl), e2e: statsOf(e2e) };
  return {
    name: `concurrency ${concurrency}`,
    load: { kind: "closed", concurrency },
    stop: { requests },
    window: { start: 2, end: 2 + seconds, seconds },
    requests: {
      issued: requests,
      completed,
      failed,
      incomplete: 0,
      warmup: 20,
      failures: failed > 0 ? { http_5xx: 7, timeout: 2 } : {},
    },
    metrics: {
      ...stats,
      ttft_sent: statsOf(ttft.map((ms) => ms - 0.4)),
      issue_delay: statsOf(ttft.map((_, i) => 0.2 + (i % 9) * 0.05)),
      request_throughput: perSecond,
      output_throughput: perSecond * 128,
      input_throughput: perSecond * 256,
      total_throughput: perSecond * 384,
      output_throughput_per_user: 1000 / stats.tpot.mean,
      goodput: perSecond * 0.97,
      goodput_ratio: (completed / requests) * 0.97,
      error_rate,
      concurrency: concurrency * 0.996,
      input_tokens: completed * 256,
      output_tokens: completed * 128,
    },
    objectives: judged
      ? [
          latencyObjective("ttft_p95 < 400ms", 400, ttft, 0.95),
          latencyObjective("tpot_p99 <= 30ms", 30, tpot, 0.99),
          latencyObjective("e2e_p95 < 5s", 5000, e2e, 0.95),
          ratioObjective("error_rate < 1%", 0.01, failed, requests),
        ]
      : [],
    timeline: timelineOf({ seconds, concurrency, perSecond, failed, ttftMs, e2eMs: mean, random }),
    histograms: {
      ttft: histogramOf(ttft),
      tpot: histogramOf(tpot),
      itl: histogramOf(itl),
      e2e: histogramOf(e2e),
    },
    token_source: "usage",
    failure_examples:
      failed > 0
        ? {
            http_5xx: '503 Service Unavailable: {"error":"engine overloaded, try again later"}',
            timeout: "No response within 30 s.",
          }
        : {},
  };
}

/** The queue grows all the while, and from the middle on requests fail. */
function drifting(): LevelResult {
  const base = level({ concurrency: 32, ttftMs: 320 });
  const last = base.timeline.length - 1;
  return {
    ...base,
    name: "20 req/s poisson",
    load: { kind: "open", rate: 20, arrivals: "poisson", burstiness: 1 },
    timeline: base.timeline.map(({ ttft_p50, ttft_p95, ...point }, i) => ({
      ...point,
      failed: i > last / 2 && i % 5 === 0 ? 2 : 0,
      ...(ttft_p50 !== undefined && { ttft_p50: ttft_p50 * (0.3 + (2.4 * i) / last) }),
      ...(ttft_p95 !== undefined && { ttft_p95: ttft_p95 * (0.3 + (2.4 * i) / last) }),
    })),
  };
}

function openLevel(rate: number): LevelResult {
  const base = level({ concurrency: rate, ttftMs: 150 + rate * 6, requests: 900 });
  return {
    ...base,
    name: `${rate} req/s poisson`,
    load: { kind: "open", rate, arrivals: "poisson", burstiness: 1, max_concurrency: 256 },
    stop: { duration_seconds: 60 },
  };
}

function newLoads(): readonly LevelResult[] {
  const base = level({ concurrency: 8, ttftMs: 210 });
  return [
    {
      ...base,
      name: "stages to 5, 20, 0 req/s",
      load: {
        kind: "stages",
        of: "rate",
        stages: [
          { seconds: 30, target: 5 },
          { seconds: 60, target: 20 },
          { seconds: 10, target: 0 },
        ],
      },
      stop: { duration_seconds: 100 },
    },
    {
      ...level({ concurrency: 12, ttftMs: 240 }),
      name: "40 users",
      load: { kind: "users", users: 40, spawn_rate: 2, think_seconds: [1, 5] },
      stop: { duration_seconds: 120 },
    },
    {
      ...level({ concurrency: 10, ttftMs: 260 }),
      name: "trace",
      load: { kind: "replay", max_concurrency: 64 },
      stop: { requests: 600 },
    },
  ];
}

const BASELINE: Comparison["baseline"] = {
  run_id: "run-2026-03-13-99ffee",
  started_at: "2026-03-13T18:00:00.000Z",
  url: "http://llm-base.internal:8000/v1/chat/completions",
  model: "llama-3.1-8b-instruct",
};

/** Worse at the tail, faster in throughput at the first level, and a metric that only one side has. */
function comparisonOf(levels: readonly LevelResult[]): Comparison {
  return {
    kind: "same_run",
    baseline: BASELINE,
    levels: levels.map(
      ({ name, metrics }, i): ComparedLevel => ({
        name,
        changes: [
          change("ttft_p50", "ms", metrics.ttft!.p50, 1.012, [0.981, 1.044]),
          change("ttft_p95", "ms", metrics.ttft!.p95, 1.153 + i * 0.1, [1.087, 1.221 + i * 0.1]),
          change("tpot_p50", "ms", metrics.tpot!.p50, 0.97, [0.958, 0.983]),
          change("e2e_p95", "ms", metrics.e2e!.p95, 0.996, [0.97, null]),
          change("output_throughput", "tok/s", metrics.output_throughput!, 1.031, [1.018, 1.047]),
          {
            metric: "error_rate",
            unit: "ratio",
            base: 0,
            head: 0.015 * i,
            better: "lower",
            change: "unclear",
          },
        ],
        added: i === 0 ? ["goodput_ratio"] : [],
        removed: [],
      }),
    ),
  };
}

function change(
  metric: string,
  unit: MetricChange["unit"],
  head: number,
  ratio: number,
  interval: readonly [number | null, number | null],
): MetricChange {
  const better = unit === "tok/s" ? "higher" : "lower";
  const [low, high] = interval;
  const up = low !== null && low > 1;
  const down = high !== null && high < 1;
  const outcome = !up && !down ? "unclear" : up === (better === "higher") ? "better" : "worse";
  return { metric, unit, base: head / ratio, head, ratio, interval, better, change: outcome };
}

const INCOMPARABLE: Comparison = {
  kind: "stored",
  baseline: BASELINE,
  incomparable: "the stored result asked for 512 output tokens, this one for 128",
  levels: [],
};

const SERVER: ServerSide = {
  engine: "vllm",
  replicas: 2,
  ttft: { count: 600, mean: 181.2, p50: 176.4, p95: 281.9, p99: 340.2 },
  itl: { count: 76_200, mean: 15.4, p50: 15.1, p95: 24.8 },
  e2e: { count: 600, mean: 2180, p50: 2140, p95: 2710 },
  queue: { count: 600, mean: 3.1, p50: 0.8, p95: 12.4 },
  requests: 600,
  prompt_tokens: 153_600,
  generation_tokens: 76_800,
  running_max: 4,
  waiting_max: 0,
  kv_cache_usage_max: 0.124,
  prefix_cache_hit_ratio: 0.031,
  unavailable: ["gpu_memory_used_bytes"],
};

/** Its slowest requests lie in the bucket that has no upper bound, and one page could not be read. */
const SATURATED_SERVER: ServerSide = {
  ...SERVER,
  ttft: { count: 600, mean: 49_700, p50: 47_900, p95: 60_000, p99: 60_000, above: ["p95", "p99"] },
  queue: { count: 600, mean: 48_900, p50: 47_100, p95: 60_000, above: ["p95"] },
  running_max: 8,
  waiting_max: 8,
  kv_cache_usage_max: 0.997,
  unavailable: ["gpu_memory_used_bytes", "replica 2 did not answer at 21:04:11"],
};

/** A level that a cancelled run never came to. */
function untouched(concurrency: number): LevelResult {
  return {
    name: `concurrency ${concurrency}`,
    load: { kind: "closed", concurrency },
    stop: { requests: 600 },
    window: { start: 30, end: 30, seconds: 0 },
    requests: { issued: 0, completed: 0, failed: 0, incomplete: 0, warmup: 0, failures: {} },
    metrics: {},
    objectives: [nothing("ttft_p95 < 400ms", 400), nothing("e2e_p95 < 5s", 5000)],
    timeline: [],
    histograms: {},
    failure_examples: {},
  };
}

function allFailed(): LevelResult {
  return {
    ...untouched(4),
    window: { start: 0, end: 3, seconds: 3 },
    requests: { issued: 50, completed: 0, failed: 50, incomplete: 0, warmup: 0, failures: { connect: 50 } },
    metrics: { error_rate: 1, request_throughput: 0 },
    objectives: [nothing("ttft_p95 < 400ms", 400), ratioObjective("error_rate < 1%", 0.01, 50, 50)],
    timeline: [0.5, 1.5, 2.5].map((t) => ({
      t,
      completed: 0,
      failed: 17,
      output_throughput: 0,
      concurrency: 4,
    })),
    failure_examples: { connect: "connect ECONNREFUSED 127.0.0.1:8000" },
  };
}

function hostile(): Result {
  const base = withLevels(
    HOSTILE_TEXTS.map((name, i) => {
      const plain = level({ concurrency: 2 + i, ttftMs: 300, requests: 60 });
      return {
        ...plain,
        name,
        requests: { ...plain.requests, failed: 1, failures: { [name]: 1 } },
        server: { ...SERVER, engine: name, unavailable: [name] },
        failure_examples: { [name]: name },
        objectives: plain.objectives.slice(0, 2).map((objective) => ({
          ...objective,
          objective: name,
          outcome: "inconclusive",
          reason: name,
        })),
      };
    }),
  );
  const all = HOSTILE_TEXTS.slice(0, -1).join(" ");
  return {
    ...base,
    valid: false,
    run_id: HOSTILE_TEXTS[0]!,
    generator: HOSTILE_TEXTS[3]!,
    started_at: HOSTILE_TEXTS[4]!,
    target: { url: `http://x/${all}`, model: all, protocol: HOSTILE_TEXTS[5]! },
    plan: { ...base.plan, hash: HOSTILE_TEXTS[3]!, objectives: [...HOSTILE_TEXTS] },
    comparison: {
      kind: "stored",
      baseline: { run_id: all, started_at: HOSTILE_TEXTS[4]!, url: all, model: HOSTILE_TEXTS[3]! },
      levels: base.levels.map(({ name }) => ({
        name,
        changes: [{ ...change("ttft_p95", "ms", 300, 1.2, [1.1, 1.3]), metric: name }],
        added: [name],
        removed: [all],
      })),
    },
    environment: {
      node: HOSTILE_TEXTS[3]!,
      platform: HOSTILE_TEXTS[4]!,
      cpu: HOSTILE_TEXTS[1]!,
      cores: 2,
    },
    findings: HOSTILE_TEXTS.map((text) => ({
      code: text,
      level: "invalid",
      at: text,
      happened: text,
      matters: text,
      advice: text,
    })),
  };
}

const LATE: Finding = {
  code: "generator_late",
  level: "invalid",
  at: "concurrency 4",
  touches: ["ttft", "e2e"],
  happened: "Requests left 31 ms late at p99; the tightest objective is 400 ms, of which 5 % may be our own.",
  matters: "The measured latencies hold the generator's own lateness, so they say too much about the server.",
  advice: "Lower the load, or run the generator on a machine with more cores.",
};

function doubted(one: LevelResult): LevelResult {
  const objectives = one.objectives.map((objective) =>
    objective.metric.startsWith("ttft") ? { ...objective, invalid: [LATE.code] } : objective,
  );
  return { ...one, objectives };
}

const DRIFT: Finding = {
  code: "warmup_drift",
  level: "note",
  at: "concurrency 4",
  happened: "TTFT was 22 % higher in the first third of the window than in the last.",
  matters: "The service was still warming up, so the figures mix two states.",
  advice: "Raise the number of warm-up requests, for example to 100.",
};

function withLevels(levels: readonly LevelResult[], changes: Partial<Result> = {}): Result {
  const outcomes = levels.flatMap(({ objectives }) => objectives.map(({ outcome }) => outcome));
  const verdict = (["violated", "inconclusive", "met"] as const).find((outcome) =>
    outcomes.includes(outcome),
  );
  const objectives = levels[0]?.objectives.map(({ objective }) => objective) ?? ["ttft_p95 < 400ms"];
  return {
    schema: RESULT_SCHEMA,
    generator: "goodput 0.1.0",
    run_id: "run-2026-03-14-a1b2c3",
    started_at: "2026-03-14T09:26:53.000Z",
    duration_seconds: levels.reduce((sum, { window }) => sum + window.seconds, 4.25),
    state: "completed",
    ...(verdict === undefined ? {} : { verdict }),
    valid: true,
    target: {
      url: "http://llm.internal:8000/v1/chat/completions",
      model: "llama-3.1-8b-instruct",
      protocol: "openai-chat",
    },
    plan: {
      hash: "9f2c4e1b7a60d8835512cc90ab34ef6719d0be2246f3a85c7e1190dd54a3b6f2",
      seed: 42,
      input_tokens: 256,
      output_tokens: 128,
      warmup_requests: 20,
      timeout_seconds: 30,
      confidence: 0.95,
      objectives,
    },
    levels,
    findings: [],
    environment: { node: "24.19.0", platform: "linux x64", cpu: "AMD EPYC 7763 64-Core", cores: 4 },
    ...changes,
  };
}

function latencyObjective(
  text: string,
  limit: number,
  values: readonly number[],
  q: number,
): ObjectiveResult {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const spread = 1.645 * Math.sqrt(n * q * (1 - q));
  const low = sorted[Math.max(0, Math.floor(n * q - spread))]!;
  const upper = Math.ceil(n * q + spread);
  const high = upper < n ? sorted[upper]! : null;
  const outcome: Outcome = high !== null && high < limit ? "met" : low >= limit ? "violated" : "inconclusive";
  return {
    objective: text,
    metric: text.split(" ")[0]!,
    op: text.includes("<=") ? "<=" : "<",
    limit,
    unit: "ms",
    observed: quantile(sorted, q),
    interval: [low, high],
    samples: n,
    outcome,
    ...(outcome === "inconclusive"
      ? {
          reason: `The interval still holds the limit with ${n} samples.`,
          requests_needed: Math.ceil(3 / (1 - q)) * 5,
        }
      : {}),
  };
}

function ratioObjective(text: string, limit: number, hits: number, n: number): ObjectiveResult {
  const z = 1.645;
  const p = hits / n;
  const middle = (p + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  const interval: [number, number] = [Math.max(0, middle - half), Math.min(1, middle + half)];
  const outcome: Outcome = interval[1] < limit ? "met" : interval[0] >= limit ? "violated" : "inconclusive";
  return {
    objective: text,
    metric: "error_rate",
    op: "<",
    limit,
    unit: "ratio",
    observed: p,
    interval,
    samples: n,
    outcome,
    ...(outcome === "inconclusive"
      ? { reason: `The interval still holds the limit with ${n} requests.`, requests_needed: 1200 }
      : {}),
  };
}

function nothing(text: string, limit: number): ObjectiveResult {
  return {
    objective: text,
    metric: text.split(" ")[0]!,
    op: "<",
    limit,
    unit: "ms",
    samples: 0,
    outcome: "inconclusive",
    reason: "There are no samples.",
  };
}

function timelineOf(shape: {
  seconds: number;
  concurrency: number;
  perSecond: number;
  failed: number;
  ttftMs: number;
  e2eMs: number;
  random: () => number;
}): readonly TimelinePoint[] {
  const slices = 40;
  return Array.from({ length: slices }, (_, i) => {
    const wave = 1 + 0.18 * Math.sin(i / 3) + 0.12 * shape.random();
    const measured = i !== 17;
    return {
      t: ((i + 0.5) * shape.seconds) / slices,
      completed: Math.round((shape.perSecond * shape.seconds) / slices),
      failed: shape.failed > 0 && i % 13 === 4 ? 3 : 0,
      // One slice has no first output, as happens with few requests.
      ...(measured
        ? { ttft_p50: shape.ttftMs * wave, ttft_p95: shape.ttftMs * wave * (1.4 + 0.3 * shape.random()) }
        : {}),
      e2e_p50: shape.e2eMs * wave,
      output_throughput: (shape.perSecond * 128) / wave,
      concurrency: Math.min(shape.concurrency, i === 0 ? shape.concurrency * 0.6 : shape.concurrency),
    };
  });
}

function statsOf(values: readonly number[]): LatencyStats {
  const sorted = values.toSorted((a, b) => a - b);
  const mean = average(sorted);
  return {
    count: sorted.length,
    mean,
    std: Math.sqrt(average(sorted.map((value) => (value - mean) ** 2))),
    min: sorted[0]!,
    max: sorted.at(-1)!,
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
  };
}

function histogramOf(valuesMs: readonly number[]): readonly (readonly [number, number])[] {
  const counts = new Map<number, number>();
  for (const ms of valuesMs) {
    const index = bucketIndex(ms * 1e6);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a - b);
}

function lognormal(count: number, median: number, sigma: number, random: () => number): readonly number[] {
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return median * Math.exp(sigma * normal);
  });
}

/** Mulberry32: small, seeded, the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

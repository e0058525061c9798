import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bodyParser } from "@koa/bodyparser";
import Koa, { type Middleware } from "koa";
import { authenticate, authorize } from "../../server/http/auth.ts";
import { errorBody, toApiError } from "../../server/http/errors.ts";
import { analysisRoutes } from "../../server/load-tests/analysis/routes.ts";
import { compareRoutes } from "../../server/load-tests/comparison/routes.ts";
import { exportRoutes } from "../../server/load-tests/exports/routes.ts";
import type { RunProgress } from "../../server/load-tests/runs/run-request.ts";
import { createTargets } from "../../server/settings/targets.ts";
import { openRunStore } from "../../server/store/open-run-store.ts";
import type { NewRun, RunChanges, RunStore } from "../../server/store/run-store.ts";
import type { LevelResult, Result } from "../../src/index.ts";
import { newRun } from "./stored-runs.ts";

export interface ViewApi {
  readonly url: string;
  readonly store: RunStore;
  /** Stores a run as one that has ended, and gives its id. */
  put(changes?: RunChanges, run?: Partial<NewRun>): Promise<string>;
}

/** The routes that show what runs measured, on a real database. */
export async function withViewApi(
  work: (api: ViewApi) => Promise<void>,
  options: {
    readonly progress?: RunProgress;
    readonly allowed?: readonly string[];
    readonly modelTimeoutMs?: number;
    readonly apiKey?: string;
  } = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "goodput-"));
  const store = await openRunStore({ kind: "sqlite", path: join(folder, "benchmarks.db") });
  const { modelTimeoutMs } = options;
  const deps = {
    store,
    runs: { progress: () => options.progress },
    targets: createTargets({ allowed: options.allowed }),
    ...(modelTimeoutMs !== undefined && { modelTimeoutMs }),
  };
  const app = new Koa();
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = toApiError(thrown);
      ctx.status = error.status;
      ctx.set({ ...error.headers });
      ctx.body = errorBody(error, "req-0");
    }
  });
  app.use(authenticate(options)).use(authorize(options));
  app.use(bodyParser({ enableTypes: ["json", "form", "text"] }) as Middleware);
  for (const routes of [exportRoutes(deps), compareRoutes(deps), analysisRoutes(deps)])
    app.use(routes.routes());
  const http = createServer(app.callback());
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  let count = 0;
  const put: ViewApi["put"] = async (changes = {}, run = {}) => {
    const { runId } = await store.create(newRun(++count, run));
    await store.update(runId, {
      status: "completed",
      startedAt: "2026-03-14T09:26:53.000Z",
      completedAt: "2026-03-14T09:27:23.500Z",
      ...changes,
    });
    return runId;
  };
  try {
    await work({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, store, put });
  } finally {
    const closed = new Promise((resolve) => http.close(resolve));
    http.closeAllConnections();
    await closed;
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A result with these levels. */
export function resultWith(levels: readonly LevelResult[], changes: Partial<Result> = {}): Result {
  return {
    schema: "goodput.result/1",
    generator: "goodput/test",
    run_id: "run-1",
    started_at: "2026-03-14T09:26:54.000Z",
    duration_seconds: 20,
    state: "completed",
    valid: true,
    target: { url: "http://127.0.0.1:8000", model: "qwen3", protocol: "openai-chat" },
    plan: {
      hash: "0",
      seed: 1,
      input_tokens: 256,
      output_tokens: 128,
      warmup_requests: 3,
      timeout_seconds: 120,
      confidence: 0.95,
      objectives: [],
    },
    levels,
    findings: [],
    environment: { node: "v24", platform: "linux x64", cpu: "test", cores: 2 },
    ...changes,
  };
}

export interface LevelFigures {
  readonly completed?: number;
  readonly failed?: number;
  readonly incomplete?: number;
  /** Milliseconds, the same in all statistics; absent: not measured. */
  readonly ttftMs?: number;
  readonly tpotMs?: number;
  readonly e2eMs?: number;
  readonly tokensPerSecond?: number;
  readonly outputTokens?: number;
  readonly failures?: Readonly<Record<string, number>>;
  readonly examples?: Readonly<Record<string, string>>;
  /** Good requests of all that ended, where "ttft < 500ms, e2e < 3s" are the thresholds. */
  readonly good?: number;
  readonly server?: LevelResult["server"];
  readonly warmup?: number;
}

/** A level as the engine tells of it. */
export function levelWith(concurrency: number, figures: LevelFigures = {}): LevelResult {
  const {
    completed = 100,
    failed = 0,
    incomplete = 0,
    good,
    server,
    tokensPerSecond,
    outputTokens,
  } = figures;
  const ended = completed + failed;
  const stats = (ms: number | undefined) =>
    ms === undefined
      ? undefined
      : {
          count: completed,
          mean: ms,
          std: 0,
          min: ms,
          max: ms,
          p50: ms,
          p90: ms,
          p95: ms,
          p99: ms,
          p999: ms,
        };
  const latencies = {
    ttft: figures.ttftMs,
    ttft_sent: figures.ttftMs,
    tpot: figures.tpotMs,
    e2e: figures.e2eMs,
  };
  const objective = (criteria: string, kept: number) => ({
    objective: `goodput_ratio(${criteria}) >= 95%`,
    metric: "goodput_ratio",
    op: ">=" as const,
    limit: 0.95,
    unit: "ratio" as const,
    observed: kept / ended,
    samples: ended,
    outcome: "met" as const,
  });
  return {
    name: `concurrency ${concurrency}`,
    load: { kind: "closed", concurrency },
    stop: { requests: ended },
    window: { start: 0, end: 10, seconds: 10 },
    requests: {
      issued: ended + incomplete,
      completed,
      failed,
      incomplete,
      warmup: figures.warmup ?? 3,
      failures: figures.failures ?? (failed > 0 ? { http_5xx: failed } : {}),
    },
    metrics: {
      ...Object.fromEntries(
        Object.entries(latencies).flatMap(([name, ms]) => (ms === undefined ? [] : [[name, stats(ms)]])),
      ),
      ...(tokensPerSecond !== undefined && { output_throughput: tokensPerSecond }),
      ...(ended > 0 && { request_throughput: completed / 10, error_rate: failed / ended }),
      ...(outputTokens !== undefined && { output_tokens: outputTokens }),
    },
    objectives:
      good === undefined
        ? []
        : [
            objective("ttft < 500ms, e2e < 3s", good),
            objective("ttft < 500ms", completed),
            objective("e2e < 3s", good),
          ],
    timeline: [],
    histograms: {},
    token_source: "usage",
    failure_examples: figures.examples ?? (failed > 0 ? { http_5xx: "HTTP 500: boom" } : {}),
    ...(server && { server }),
  };
}

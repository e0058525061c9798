import Router from "@koa/router";
import type { Context } from "koa";
import type { z } from "zod";
import { VERSION } from "../../../src/version.ts";
import { ApiError } from "../../http/errors.ts";
import { parameters } from "../../http/parameters.ts";
import { validate } from "../../http/validation.ts";
import type { MeasuredRun, Run, RunStore } from "../../store/run-store.ts";
import { resultView } from "../results/result-view.ts";
import type { LoadTestBody } from "./load-test-body.ts";
import { readLoadTest } from "./load-test-request.ts";
import { progressView } from "./progress-view.ts";
import type { RunProgress, RunRequest, Runs } from "./run-request.ts";
import { historyQuery, type runAnswer } from "./schemas.ts";

export interface RunRouteDeps {
  readonly runs: Runs;
  readonly store: RunStore;
  readonly targets: { check(url: string, field: string): Promise<void> };
  /** What compares a run with the server's own figures, for runs that ask for it. */
  readonly validation?: (
    config: NonNullable<LoadTestBody["validation_config"]>,
  ) => NonNullable<RunRequest["conclude"]>;
}

/** `/api/v1/benchmark`: starts load tests, tells how they go and what came of them. */
export function runRoutes({ runs, store, targets, validation }: RunRouteDeps): Router {
  const router = new Router({ prefix: "/api/v1/benchmark" });

  router.post("/run", async (ctx) => {
    const { body, request, warnings } = readLoadTest(parameters(ctx));
    await targets.check(body.server_url, "server_url");
    const { validation_config: config } = body;
    const { runId } = await runs.start({
      ...request,
      requestId: ctx.state.requestId,
      ...(config?.enabled && validation && { conclude: validation(config) }),
    });
    ctx.body = { run_id: runId, status: "started", ...(warnings.length > 0 && { warnings }) };
  });

  router.get("/run/:run_id", async (ctx) => {
    ctx.body = runView(await found(ctx), runs);
  });

  router.post("/run/:run_id/stop", async (ctx) => {
    const { runId, status } = await found(ctx);
    if (!(await runs.stop(runId))) {
      throw new ApiError(
        "INVALID_STATE",
        `The run is ${status}; only one that waits or runs can be stopped.`,
      );
    }
    ctx.body = { run_id: runId, status: "stopping" };
  });

  router.delete("/run/:run_id", async (ctx) => {
    const id = idOf(ctx);
    if (!(await runs.remove(id, ctx.state.requestId))) throw unknownRun(id);
    ctx.body = { deleted: id };
  });

  router.get("/result/:run_id", async (ctx) => {
    const run = await found(ctx);
    const progress = runs.progress(run.runId);
    if (isUnderWay(run)) {
      ctx.status = 202;
      ctx.body = { run_id: run.runId, status: run.status, ...progressOf(progress) };
      return;
    }
    ctx.body = resultView(run);
  });

  router.get("/history", async (ctx) => {
    const { limit, offset, status, model } = validate(historyQuery, { ...ctx.query });
    const filter = { ...(status && { status }), ...(model && { model }) };
    const page = await store.list(filter, { limit, offset });
    ctx.body = { runs: page.runs.map((run) => runView(run, runs)), total: page.total, limit, offset };
  });

  router.get("/health", async (ctx) => {
    const database = await store.ping().then(
      () => "connected",
      () => "unreachable",
    );
    const healthy = database === "connected";
    if (!healthy) ctx.status = 503;
    const counts = healthy ? { runs: await countsOf(store) } : {};
    ctx.body = {
      status: healthy ? "healthy" : "unhealthy",
      version: VERSION,
      timestamp: new Date().toISOString(),
      dependencies: { database },
      ...counts,
    };
  });

  const found = async (ctx: Context): Promise<MeasuredRun> => {
    const id = idOf(ctx);
    const run = await store.find(id);
    if (run === undefined) throw unknownRun(id);
    return run;
  };

  return router;
}

/** A run as it is told without what it measured. */
export function runView(run: Run, runs: Pick<Runs, "progress">): z.input<typeof runAnswer> {
  return {
    run_id: run.runId,
    kind: run.kind,
    status: run.status,
    server_url: run.serverUrl,
    model: run.model,
    adapter: run.adapter,
    framework: run.framework ?? null,
    config: run.config,
    created_at: run.createdAt,
    started_at: run.startedAt ?? null,
    completed_at: run.completedAt ?? null,
    ...(run.error && { error: run.error }),
    ...(isUnderWay(run) && progressOf(runs.progress(run.runId))),
  };
}

function progressOf(progress: RunProgress | undefined) {
  if (progress === undefined) return {};
  const { progress: counts, ...rest } = progressView(progress);
  return { progress: { ...counts, ...rest } };
}

function isUnderWay({ status }: Run): boolean {
  return status === "pending" || status === "running";
}

async function countsOf(store: RunStore): Promise<{ running: number; pending: number }> {
  const count = async (status: "running" | "pending") =>
    (await store.list({ status }, { limit: 1, offset: 0 })).total;
  return { running: await count("running"), pending: await count("pending") };
}

/** Any text may be asked for. */
function idOf(ctx: Context): string {
  return (ctx as { params?: { run_id?: string } }).params?.run_id ?? "";
}

function unknownRun(id: string): ApiError {
  return new ApiError("NOT_FOUND", `There is no run ${JSON.stringify(id.slice(0, 100))}.`);
}

import Router from "@koa/router";
import type { Context } from "koa";
import type { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import { parameters } from "../../http/parameters.ts";
import { validate } from "../../http/validation.ts";
import type { Targets } from "../../settings/targets.ts";
import type { MeasuredRun, RunStore } from "../../store/run-store.ts";
import { levelView } from "../results/level-view.ts";
import { progressView } from "../runs/progress-view.ts";
import type { Runs } from "../runs/run-request.ts";
import { measuredGpus } from "./gpus.ts";
import { type RecommendationReport, recommend } from "./recommendation.ts";
import { readRecommendation } from "./request.ts";
import { type recommendationAnswer, recommendationQuery } from "./schemas.ts";

export interface RecommendRouteDeps {
  readonly runs: Runs;
  readonly store: RunStore;
  readonly targets: Pick<Targets, "check" | "get">;
}

/** `/api/v1/benchmark/recommend`: how many GPUs a workload needs, out of what one server is measured to take. */
export function recommendRoutes({ runs, store, targets }: RecommendRouteDeps): Router {
  const router = new Router({ prefix: "/api/v1/benchmark/recommend" });

  router.post("/", async (ctx) => {
    const { question, request, warnings } = readRecommendation(parameters(ctx));
    await targets.check(question.serverUrl, "server_url");
    const { runId } = await runs.start({
      ...request,
      requestId: ctx.state.requestId,
      conclude: async (result) => ({
        report: recommend(result, question, await measuredGpus(question, targets)),
      }),
    });
    ctx.body = { run_id: runId, status: "started", ...(warnings.length > 0 && { warnings }) };
  });

  router.get("/:run_id", async (ctx) => {
    ctx.body = statusView(await found(ctx), runs);
  });

  router.get("/:run_id/result", async (ctx) => {
    const run = await found(ctx);
    const { language } = validate(recommendationQuery, { ...ctx.query });
    if (run.status === "pending" || run.status === "running") {
      ctx.status = 202;
      ctx.body = statusView(run, runs);
      return;
    }
    ctx.body = recommendationView(run, language);
  });

  router.delete("/:run_id", async (ctx) => {
    const { runId } = await found(ctx);
    await runs.remove(runId, ctx.state.requestId);
    ctx.body = { deleted: runId };
  });

  const found = async (ctx: Context): Promise<MeasuredRun> => {
    const id = (ctx as { params?: { run_id?: string } }).params?.run_id ?? "";
    const run = await store.find(id);
    if (run?.kind === "recommendation") return run;
    throw new ApiError("NOT_FOUND", `There is no recommendation ${JSON.stringify(id.slice(0, 100))}.`);
  };

  return router;
}

function statusView(run: MeasuredRun, runs: Pick<Runs, "progress">) {
  const progress = runs.progress(run.runId);
  const { progress: counts, ...place } = progress === undefined ? { progress: {} } : progressView(progress);
  return {
    run_id: run.runId,
    status: run.status,
    server_url: run.serverUrl,
    model: run.model,
    created_at: run.createdAt,
    started_at: run.startedAt ?? null,
    completed_at: run.completedAt ?? null,
    error: run.error ?? null,
    ...(progress !== undefined && { progress: { ...counts, ...place } }),
  };
}

/** Of a run that did not come to its end, the levels it measured and no recommendation. */
function recommendationView(run: MeasuredRun, language: "ko" | "en"): z.input<typeof recommendationAnswer> {
  const report = run.report as RecommendationReport | undefined;
  const recommendation = report && {
    ...report.recommendation,
    reasoning: report.recommendation.reasoning[language],
  };
  const { result } = run;
  return {
    run_id: run.runId,
    status: run.status,
    recommendation: (recommendation ?? null) as z.input<typeof recommendationAnswer>["recommendation"],
    current_infra: (report?.current_infra ?? null) as z.input<typeof recommendationAnswer>["current_infra"],
    slo_met: report?.slo_met ?? null,
    consistent: report?.consistent ?? null,
    client_limited: report?.client_limited ?? null,
    workload: (run.config.workload ?? {}) as Record<string, unknown>,
    test_results: (result?.levels ?? []).map((level) => {
      const { meets_slo, in_flight, certainty } =
        report?.steps.find((step) => step.level === level.name) ?? {};
      return {
        ...levelView(level),
        ...(report && {
          meets_slo: meets_slo as boolean,
          in_flight: in_flight as number,
          certainty: certainty as "shown" | "observed",
        }),
      };
    }),
    findings: (result?.findings ?? []).map((finding) => ({ ...finding })),
    started_at: run.startedAt ?? null,
    completed_at: run.completedAt ?? null,
    duration_seconds:
      run.startedAt === undefined || run.completedAt === undefined
        ? null
        : (Date.parse(run.completedAt) - Date.parse(run.startedAt)) / 1000,
    error: run.error ?? null,
  };
}

import Router from "@koa/router";
import { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import { numeric, parameters } from "../../http/parameters.ts";
import { validate } from "../../http/validation.ts";
import { InferenceError } from "../../inference/inference.ts";
import type { RouteDeps } from "../model-deps.ts";
import { benchmarkReport } from "./report.ts";
import { BenchmarkRun } from "./run.ts";
import { BENCHMARK_TYPES, planScenario } from "./scenarios.ts";

/** `POST /benchmark`: measures this server's own model, and answers when all iterations are done. */
export function benchmarkRoutes({ models, telemetry, targetTokensPerSecond }: RouteDeps): Router {
  const router = new Router();
  let running = false;

  router.post("/benchmark", async (ctx) => {
    const { test_type: type, iterations: count } = validate(benchmarkRequest, parameters(ctx));
    const inference = models.require();
    // Two at once would measure each other.
    if (running) throw new ApiError("INVALID_STATE", "Another benchmark is running; only one can at a time.");
    running = true;
    try {
      const scenario = planScenario(type, count, inference);
      const run = new BenchmarkRun(inference, telemetry, scenario);
      // Closing after the end is the normal case, in which there is nothing left to abort.
      ctx.res.once("close", () => run.abort());
      if (ctx.res.closed) run.abort();
      await run.warmUp();
      const startedAt = performance.now();
      const iterations = await run.measure();
      ctx.body = benchmarkReport({
        type,
        scenario,
        iterations,
        durationSeconds: (performance.now() - startedAt) / 1000,
        targetTokensPerSecond,
        cacheBytesPerToken: inference.memory().cacheBytesPerToken,
      });
    } catch (error) {
      // A full queue or a shutdown is no fault of the benchmark's, and has a status of its own.
      if (error instanceof ApiError || error instanceof InferenceError) throw error;
      throw new ApiError("BENCHMARK_ERROR", `The benchmark failed: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      running = false;
    }
  });

  return router;
}

const MOST_ITERATIONS = 1000;
const iterationsError = { error: `must be a whole number from 1 to ${MOST_ITERATIONS}` };
const typeError = { error: `must be one of ${BENCHMARK_TYPES.join(", ")}` };

export const benchmarkRequest = z.object({
  test_type: z.enum(BENCHMARK_TYPES, typeError).default("standard"),
  iterations: numeric(
    z
      .number(iterationsError)
      .refine((value) => Number.isInteger(value) && value >= 1 && value <= MOST_ITERATIONS, iterationsError)
      .default(10),
  ),
});

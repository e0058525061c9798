import Router from "@koa/router";
import { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import type { Operation } from "../../http/openapi/operation.ts";
import { parameters } from "../../http/parameters.ts";
import { validate } from "../../http/validation.ts";
import type { RunStore } from "../../store/run-store.ts";
import { isUnderWay, noSuchRun } from "../results/ended-run.ts";
import { compareRuns } from "./compare-runs.ts";

const idsError = { error: "must be a list of 2 to 5 ids of runs" };

export const compareBody = z
  .object({
    run_ids: z
      .array(z.string({ error: "must be the id of a run" }), idsError)
      .min(2, idsError)
      .max(5, idsError)
      .refine((ids) => new Set(ids).size === ids.length, "must name each run once")
      .meta({ description: "The first is what the others are compared with." }),
  })
  .meta({ description: "Which runs to hold against each other." });

/** `/api/v1/benchmark/compare`: two to five runs beside each other. It changes nothing, and needs no key. */
export function compareRoutes({ store }: { readonly store: Pick<RunStore, "find"> }): Router {
  const router = new Router({ prefix: "/api/v1/benchmark" });
  router.post("/compare", async (ctx) => {
    const { run_ids: ids } = validate(compareBody, parameters(ctx));
    const found = await Promise.all(ids.map((id) => store.find(id)));
    const missing = ids.flatMap((id, i) => {
      return found[i] === undefined ? [{ field: `run_ids.${i}`, message: noSuchRun(id), id }] : [];
    });
    if (missing.length > 0) {
      throw new ApiError("NOT_FOUND", missing.map(({ message }) => message).join(" "), {
        details: missing.map(({ field, message }) => ({ field, message })),
        more: { missing: missing.map(({ id }) => id) },
      });
    }
    const runs = found.flatMap((run) => run ?? []);
    const going = runs.flatMap((run, i) => {
      return isUnderWay(run)
        ? [{ field: `run_ids.${i}`, message: `is ${run.status}; only runs that are over can be compared` }]
        : [];
    });
    if (going.length > 0) {
      const message = going.map((one) => `${one.field} ${one.message}.`).join(" ");
      throw new ApiError("INVALID_STATE", message, { details: going });
    }
    ctx.body = await compareRuns(runs);
  });
  return router;
}

const figure = z.number().nullable();
const best = z
  .object({ run_id: z.string(), value: z.number(), concurrency: figure, level: z.string() })
  .nullable();
const bound = z.number().nullable().meta({ description: "Null: nothing is known on this side." });
const change = z.object({
  metric: z.string(),
  unit: z.string(),
  base: z.number(),
  head: z.number(),
  ratio: z.number().optional().meta({ description: "head / base." }),
  interval: z
    .tuple([bound, bound])
    .optional()
    .meta({ description: "Of the ratio at the plan's confidence; of a share, of head − base." }),
  better: z.enum(["lower", "higher"]),
  change: z
    .enum(["better", "worse", "unclear"])
    .meta({ description: "Better and worse are said only when all figures together show it." }),
});

export const compareAnswer = z.object({
  run_count: z.number(),
  best_throughput: best.meta({ description: "Output tokens per second." }),
  best_ttft: best.meta({ description: "Median, milliseconds." }),
  by_concurrency: z
    .record(z.string(), z.record(z.string(), z.record(z.string(), figure)))
    .meta({ description: "Figures by concurrency and run; null is not measured." }),
  runs: z.array(
    z.object({
      run_id: z.string(),
      status: z.string(),
      server_url: z.string(),
      model: z.string(),
      adapter: z.string(),
      framework: z.string().nullable(),
      started_at: z.string().nullable(),
      completed_at: z.string().nullable(),
      summary: z.record(z.string(), z.unknown()),
    }),
  ),
  comparison: z.object({
    base_run_id: z.string().nullable(),
    confidence: z.union([z.number(), z.literal("none")]).nullable(),
    against_base: z.array(
      z.object({
        run_id: z.string(),
        incomparable: z.string().optional().meta({ description: "Why nothing is said of it." }),
        levels: z.array(z.object({ level: z.string(), changes: z.array(change) })),
      }),
    ),
  }),
});

export const compareOperations: readonly Operation[] = [
  {
    method: "post",
    path: "/api/v1/benchmark/compare",
    summary: "Compare runs",
    description: "Level by level, and with the first of them as far as that is certain.",
    tags: ["Load tests"],
    auth: "open",
    body: compareBody,
    answers: {
      200: { description: "The runs beside each other.", schema: compareAnswer },
      400: { description: "No list of 2 to 5 different ids." },
      404: { description: "There are no such runs; `details` and `missing` name them." },
      409: { description: "Some are not over yet." },
      503: { description: "Too many comparisons are waiting." },
    },
  },
];

import Router from "@koa/router";
import type { Context } from "koa";
import { ApiError } from "../../http/errors.ts";
import { parameters } from "../../http/parameters.ts";
import { validate } from "../../http/validation.ts";
import type { MeasuredRun, RunStore } from "../../store/run-store.ts";
import { INTERRUPTED } from "../runs/run-failure.ts";
import type { Runs } from "../runs/run-request.ts";
import { recordChanges, virtualUsersBody } from "./body.ts";
import { changesOf, recordView } from "./record.ts";
import { type VirtualUserOptions, virtualUsersRequest } from "./request.ts";
import { listQuery } from "./schemas.ts";

export interface VirtualUserRouteDeps {
  readonly runs: Runs;
  readonly store: RunStore;
  readonly targets: VirtualUserOptions["targets"];
  readonly virtualUsers: VirtualUserOptions["defaults"];
  readonly datasetsDir?: string | undefined;
}

/** `/api/v1/benchmarks`: loads of virtual users, and the records that are kept of them. */
export function virtualUserRoutes(deps: VirtualUserRouteDeps): Router {
  const { runs, store, targets, virtualUsers, datasetsDir } = deps;
  const router = new Router({ prefix: "/api/v1/benchmarks" });

  router.post("/run", async (ctx) => {
    const body = validate(virtualUsersBody, parameters(ctx));
    const request = await virtualUsersRequest(body, { targets, defaults: virtualUsers, datasetsDir });
    // Nobody is left to wait for it, and a load that nobody wants is not begun.
    if (ctx.res.closed) return;
    const { id, runId } = await runs.start({ ...request, requestId: ctx.state.requestId });
    const preferred = /(?:^|[,;])\s*respond-async\b/i.test(ctx.get("Prefer"));
    if (body.async ?? preferred) {
      if (preferred) ctx.set("Preference-Applied", "respond-async");
      ctx.set("Location", `/api/v1/benchmarks/${id}`);
      ctx.status = 202;
      ctx.body = { id, run_id: runId, status: "started" };
      return;
    }
    ctx.body = recordView(await endOf(ctx, runId));
  });

  router.get("/", async (ctx) => {
    const { page, limit, kind } = validate(listQuery, { ...ctx.query });
    const filter = kind === "all" ? {} : { kind };
    const { runs: found, total } = await store.list(filter, { limit, offset: (page - 1) * limit });
    const measured = await Promise.all(found.map(({ id }) => store.findById(id)));
    // What was deleted between the two has no record any more.
    ctx.body = {
      results: measured.filter((run) => run !== undefined).map(recordView),
      total,
      page,
      limit,
    };
  });

  router.get("/:id", async (ctx) => {
    ctx.body = recordView(await recordOf(ctx));
  });

  router.put("/:id", async (ctx) => {
    const run = await recordOf(ctx);
    const changes = changesOf(run, validate(recordChanges, parameters(ctx)));
    if (changes?.serverUrl !== undefined) await targets.check(changes.serverUrl, "url");
    if (changes !== undefined && !(await store.update(run.runId, changes))) throw notFound();
    ctx.body = recordView(await recordOf(ctx));
  });

  router.delete("/:id", async (ctx) => {
    const { runId } = await recordOf(ctx);
    if (!(await runs.remove(runId, ctx.state.requestId))) throw notFound();
    ctx.body = { message: "Benchmark deleted successfully" };
  });

  /** Waits for as long as the run takes; a client that goes away ends it, so that no load outlives its asker. */
  const endOf = async (ctx: Context, runId: string): Promise<MeasuredRun> => {
    ctx.req.setTimeout(0);
    ctx.res.setTimeout(0);
    let answered = false;
    const leave = () => {
      if (!answered) void runs.stop(runId);
    };
    ctx.res.once("close", leave);
    if (ctx.res.closed) leave();
    const run = await runs.ended(runId);
    answered = true;
    if (run === undefined) throw new ApiError("NOT_FOUND", "The benchmark was deleted while it ran.");
    if (run.status !== "failed") return run;
    if (run.error?.code === INTERRUPTED.code) throw new ApiError("SERVICE_UNAVAILABLE", INTERRUPTED.message);
    // What was measured stays with the record, which can be read and deleted by its number.
    throw new ApiError("BENCHMARK_FAILED", run.error?.message ?? "The benchmark failed.", {
      more: { id: run.id, run_id: run.runId },
    });
  };

  const recordOf = async (ctx: Context): Promise<MeasuredRun> => {
    const text = (ctx as { params?: { id?: string } }).params?.id ?? "";
    if (!/^\d{1,15}$/.test(text)) {
      const message = "must be a whole number";
      throw new ApiError("VALIDATION_ERROR", `id: ${message}`, { details: [{ field: "id", message }] });
    }
    const id = Number(text);
    // No database counts further, and one of them refuses to compare with what is larger.
    const run = id <= MOST_ID ? await store.findById(id) : undefined;
    if (run === undefined) throw notFound();
    return run;
  };

  return router;
}

const MOST_ID = 2 ** 31 - 1;

function notFound(): ApiError {
  return new ApiError("NOT_FOUND", "Benchmark not found");
}

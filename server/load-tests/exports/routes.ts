import Router from "@koa/router";
import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { validate } from "../../http/validation.ts";
import { type EndedRunDeps, endedRun } from "../results/ended-run.ts";
import { csvExport } from "./csv.ts";
import { exportName } from "./table.ts";
import { xlsxExport } from "./xlsx.ts";

const CSV = "text/csv; charset=utf-8";
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

export const exportQuery = z.object({
  format: z
    .enum(["csv", "xlsx"], { error: "must be csv or xlsx" })
    .default("csv")
    .meta({ description: "One row for each level; the workbook has a second sheet about the run." }),
});

/** `/api/v1/benchmark/result/:run_id/export`: what a run measured, for a spreadsheet. */
export function exportRoutes(deps: EndedRunDeps): Router {
  const router = new Router({ prefix: "/api/v1/benchmark" });
  router.get("/result/:run_id/export", async (ctx) => {
    const { format } = validate(exportQuery, { ...ctx.query });
    const run = await endedRun(ctx, ctx.params.run_id ?? "", deps);
    if (run === undefined) return;
    ctx.body = format === "csv" ? csvExport(run) : await xlsxExport(run);
    ctx.type = format === "csv" ? CSV : XLSX;
    ctx.attachment(exportName(run, format));
    ctx.set("Content-Type", format === "csv" ? CSV : XLSX);
  });
  return router;
}

export const exportOperations: readonly Operation[] = [
  {
    method: "get",
    path: "/api/v1/benchmark/result/:run_id/export",
    summary: "Download what a run measured",
    tags: ["Load tests"],
    auth: "open",
    params: z.object({ run_id: z.string() }),
    query: exportQuery,
    answers: {
      200: { description: "The file: CSV, or an XLSX workbook.", contentType: "text/csv" },
      202: { description: "The run is not over yet." },
      400: { description: "No such format." },
      404: { description: "There is no such run." },
    },
  },
];

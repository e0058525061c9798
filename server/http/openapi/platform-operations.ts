import { z } from "zod";
import type { Operation } from "./operation.ts";

const figure = z.number().nullable();
const loading = {
  phase: z.string().nullable().meta({ description: "downloading, loading or preparing." }),
  progress: figure.meta({ description: "0 to 1; null where nobody can know." }),
};

export const healthAnswer = z
  .object({
    status: z.enum(["healthy", "unhealthy"]),
    model_ready: z.boolean(),
    model_state: z.enum(["loading", "ready", "failed", "none", "closing"]),
    ...loading,
    model_error: z.string().nullable(),
    gpu_available: z.boolean(),
    memory_sufficient: z.boolean(),
    memory_available_gb: figure,
    memory_required_gb: figure,
    last_inference: z.string().nullable().meta({ description: "ISO 8601, UTC." }),
    performance_ok: z.boolean().nullable().meta({ description: "Whether the average is above the target." }),
    avg_tokens_per_second: figure,
    target_tokens_per_second: z.number(),
  })
  .meta({ id: "Health" });

const readiness = z.object({
  status: z.string().meta({ description: "ready, loading, failed, closing or memory_insufficient." }),
  model: z.literal("none").optional(),
  phase: loading.phase.optional(),
  progress: loading.progress.optional(),
});

const rootAnswer = z.object({
  status: z.literal("healthy"),
  service: z.literal("goodput"),
  version: z.string(),
  docs: z.string(),
});

const html = "text/html; charset=utf-8";
const health = ["Health"];
const docs = ["Documentation"];

export const platformOperations: readonly Operation[] = [
  {
    method: "get",
    path: "/",
    summary: "Say that the server is well, or show the dashboard to a browser",
    tags: health,
    answers: { 200: { description: "Who this is.", schema: rootAnswer } },
  },
  {
    method: "get",
    path: "/health",
    summary: "See how model, memory and graphics card are",
    tags: health,
    answers: {
      200: { description: "All is well, or there is no model to be.", schema: healthAnswer },
      503: { description: "The model is not ready, or memory is short.", schema: healthAnswer },
    },
  },
  {
    method: "get",
    path: "/health/live",
    summary: "See whether the process lives",
    tags: health,
    answers: { 200: { description: "It does.", schema: z.object({ status: z.literal("alive") }) } },
  },
  {
    method: "get",
    path: "/health/ready",
    summary: "See whether a request sent now would be taken",
    tags: health,
    answers: {
      200: { description: "It would.", schema: readiness },
      503: { description: "Not yet, or not any more.", schema: readiness },
    },
  },
  {
    method: "get",
    path: "/openapi.json",
    summary: "Read this document",
    tags: docs,
    answers: { 200: { description: "OpenAPI 3.1.", schema: z.looseObject({ openapi: z.string() }) } },
  },
  {
    method: "get",
    path: "/docs",
    summary: "Try the API out",
    tags: docs,
    answers: { 200: { description: "Swagger UI.", contentType: html } },
  },
  {
    method: "get",
    path: "/redoc",
    summary: "Read about the API",
    tags: docs,
    answers: { 200: { description: "ReDoc.", contentType: html } },
  },
  {
    method: "get",
    path: "/docs/assets/:name",
    summary: "Fetch a part of those two pages",
    tags: docs,
    answers: {
      200: { description: "A script, a style or a picture.", contentType: "application/octet-stream" },
      404: { description: "There is no such part." },
    },
  },
];

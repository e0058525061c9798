import { z } from "zod";
import type { Operation } from "../../http/openapi/operation.ts";
import { numeric } from "../../http/parameters.ts";
import { recordChanges, virtualUsersBody } from "./body.ts";

const pageError = { error: "must be a whole number from 1 on" };
const limitError = { error: "must be a whole number from 1 to 100" };
const KINDS = ["virtual_users", "load_test", "recommendation", "all"] as const;

export const listQuery = z.object({
  page: numeric(z.number(pageError).int(pageError).min(1, pageError).max(1e9, pageError).default(1)).meta({
    description: "From 1, the newest first.",
  }),
  limit: numeric(
    z.number(limitError).int(limitError).min(1, limitError).max(100, limitError).default(10),
  ).meta({ description: "Records per page." }),
  kind: z
    .enum(KINDS, { error: `must be one of ${KINDS.join(", ")}` })
    .default("virtual_users")
    .meta({ description: 'Runs of other kinds too: "all".' }),
});

const figure = z.number().nullable();
const text = z.string().nullable();
const latency = z
  .object({
    average: z.number(),
    minimum: z.number(),
    maximum: z.number(),
    median: z.number(),
    p90: z.number(),
    p95: z.number(),
    p99: z.number(),
    std: z.number(),
  })
  .nullable()
  .meta({ description: "Milliseconds, over requests that completed; null when none has it." });

const metrics = z
  .object({
    time_to_first_token_ms: latency,
    end_to_end_latency_ms: latency,
    inter_token_latency_ms: latency,
    token_speed_per_user: figure.meta({ description: "Tokens per second as one user sees them." }),
    throughput: z
      .object({
        input_tokens_per_second: figure,
        output_tokens_per_second: figure,
        requests_per_second: figure,
      })
      .meta({ description: "Over all users." }),
    requests: z.object({
      total: z.number(),
      successful: z.number(),
      failed: z.number(),
      incomplete: z
        .number()
        .meta({ description: "Cut off when the time was over: neither good nor failed." }),
      error_rate_percent: figure,
      failures: z.record(z.string(), z.number()).meta({ description: "How many, by reason." }),
    }),
    tokens: z.object({ input: figure, output: figure }),
  })
  .nullable()
  .meta({ description: "Null while nothing was measured, and for runs of several levels." });

const configuration = z
  .object({
    url: text,
    model: text,
    user: figure,
    spawnrate: figure,
    duration: figure,
    wait_min: figure,
    wait_max: figure,
    max_tokens: figure,
    dataset: text.meta({ description: "What the prompts really were." }),
    tokens_counted_by: text,
  })
  .meta({ description: "With which the figures were measured, whatever was written over the record." });

const STATUSES = ["Test pending", "Test running", "Test completed", "Test failed", "Test stopped"] as const;

export const recordAnswer = z
  .object({
    id: z.number(),
    run_id: z.string(),
    kind: z.enum(["load_test", "virtual_users", "recommendation"]),
    url: z.string(),
    user: figure,
    spawnrate: figure,
    duration: figure,
    model: z.string(),
    tokenizer: text,
    dataset: text,
    notes: z.string(),
    status: z.string().meta({ description: "As in results, unless somebody wrote over it." }),
    favorite: z.boolean(),
    results: z.object({ status: z.enum(STATUSES), metrics, configuration }),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
    createdAt: z.string().meta({ description: "ISO 8601, UTC." }),
    startedAt: text,
    completedAt: text,
  })
  .meta({ description: "A load of virtual users and what it measured." });

const tags = ["Virtual users"];
const base = "/api/v1/benchmarks";
const params = z.object({ id: z.string().meta({ description: "A whole number." }) });
const record = { description: "The record.", schema: recordAnswer };
const unknown = { description: "There is no such record." };
const invalid = { description: "Mistakes in what was given, all of them in `details`." };

export const virtualUserOperations: readonly Operation[] = [
  {
    method: "post",
    path: `${base}/run`,
    summary: "Run a load of virtual users",
    description:
      "Parameters may come in the query, as a form or as JSON; what the body says holds. The answer comes when the run is over, and the load ends when the client goes away; with `Prefer: respond-async` or `async=true` it comes at once.",
    tags,
    auth: "basic",
    body: virtualUsersBody,
    bodyAs: "any",
    bodyOptional: true,
    example: { user: 100, spawnrate: 10, duration: 60, url: "https://api.example.com" },
    answers: {
      200: record,
      202: {
        description: "It goes on without anybody who waits.",
        schema: z.object({ id: z.number(), run_id: z.string(), status: z.literal("started") }),
      },
      400: { description: "Mistakes in what was given, or nobody answers at the URL." },
      500: { description: "The run failed; its record tells why." },
    },
  },
  {
    method: "get",
    path: base,
    summary: "List records, the newest first",
    tags,
    auth: "basic",
    query: listQuery,
    answers: {
      200: {
        description: "A page of records.",
        schema: z.object({
          results: z.array(recordAnswer),
          total: z.number(),
          page: z.number(),
          limit: z.number(),
        }),
      },
      400: invalid,
    },
  },
  {
    method: "get",
    path: `${base}/{id}`,
    summary: "Read a record",
    tags,
    auth: "basic",
    params,
    answers: { 200: record, 400: invalid, 404: unknown },
  },
  {
    method: "put",
    path: `${base}/{id}`,
    summary: "Write over what a record says of itself",
    tags,
    auth: "basic",
    params,
    body: recordChanges,
    bodyAs: "any",
    bodyOptional: true,
    answers: { 200: record, 400: invalid, 404: unknown },
  },
  {
    method: "delete",
    path: `${base}/{id}`,
    summary: "Delete a record, stopping its run first if need be",
    tags,
    auth: "basic",
    params,
    answers: {
      200: { description: "It is gone.", schema: z.object({ message: z.string() }) },
      400: invalid,
      404: unknown,
    },
  },
];

import type { Page } from "playwright-core";

export interface WorkflowAnswer extends Readonly<Record<string, unknown>> {
  readonly workflow_id: string;
  readonly status: string;
  readonly instance_id: string;
  readonly change: object;
}

/** A workflow as the API tells of it, here of one that waits for a decision. */
export function workflowAnswer(changes: Readonly<Record<string, unknown>> = {}): WorkflowAnswer {
  return {
    workflow_id: "wf-3f2b8a54-9f0e-4c39-b1d1-7c2f4f1e9a10",
    status: "PENDING_APPROVAL",
    instance_id: "vllm-1",
    instance_type: "vllm",
    workflow_type: "optimization",
    mode: "applied",
    current_stage: "APPROVAL",
    progress: 0.28,
    stages: [
      stage("ANALYSIS", "COMPLETED", 0, "Two bottlenecks were found."),
      stage("RECOMMENDATION", "COMPLETED", 1, "Two settings are to be changed."),
      stage("APPROVAL", "IN_PROGRESS", 2, undefined),
    ],
    analysis: { source: "metrics", bottlenecks: BOTTLENECKS },
    optimizations: OPTIMIZATIONS,
    change: {
      state: "not_applied",
      config_changes: { max_batch_size: 64, kv_cache_dtype: "fp8" },
      engine_args: ["--max-num-seqs", "64", "--kv-cache-dtype", "fp8"],
      previous_config: null,
      restored: null,
    },
    before_run_id: null,
    after_run_id: null,
    judgement: null,
    approval: null,
    rejection: null,
    error: null,
    created_at: momentOf(0),
    updated_at: momentOf(2),
    ...changes,
  };
}

/** What a stage's entry says; each takes a second but the two that measure. */
export function stage(name: string, status: string, second: number, message?: string, progress?: number) {
  const over = status !== "IN_PROGRESS";
  return {
    name,
    status,
    started_at: momentOf(second),
    ...(over && { completed_at: momentOf(second + 1) }),
    ...(message !== undefined && { message }),
    ...(progress !== undefined && { progress }),
  };
}

/** What the API tells of workflows, answered from `workflows` as it is at the time. */
export async function standInForWorkflows(
  page: Page,
  workflows: ReadonlyMap<string, WorkflowAnswer>,
): Promise<{ readonly asked: readonly string[] }> {
  const asked: string[] = [];
  await page.route(/\/api\/v1\/workflows/, (route) => {
    const { pathname, searchParams: query } = new URL(route.request().url());
    asked.push(pathname);
    const [id] = pathname.split("/").slice(4).map(decodeURIComponent);
    if (id === undefined) return route.fulfill({ json: listed(workflows, query) });
    const workflow = workflows.get(id);
    if (workflow !== undefined) return route.fulfill({ json: workflow });
    const error = { code: "NOT_FOUND", message: `There is no workflow ${JSON.stringify(id)}.`, details: [] };
    return route.fulfill({ status: 404, json: { error } });
  });
  return { asked };
}

function listed(workflows: ReadonlyMap<string, WorkflowAnswer>, query: URLSearchParams) {
  return [...workflows.values()]
    .filter(({ status }) => !query.has("status") || status === query.get("status"))
    .filter(({ instance_id }) => !query.has("instance_id") || instance_id === query.get("instance_id"))
    .slice(0, Number(query.get("limit") ?? 50))
    .map(({ stages, analysis, optimizations, change, ...entry }) => entry);
}

/** Seconds after a fixed moment. */
export function momentOf(second: number): string {
  return new Date(Date.UTC(2026, 0, 5, 9, 30) + 1000 * second).toISOString();
}

const BOTTLENECKS = [
  {
    type: "MEMORY_PRESSURE",
    severity: "HIGH",
    description: "GPU memory usage at 93%, approaching capacity",
    metric_name: "memory_usage",
    current_value: 0.93,
    threshold_value: 0.8,
    recommendation: "Enable quantization or reduce batch size",
    detected_at: momentOf(0),
  },
  {
    type: "QUEUE_BUILDUP",
    severity: "LOW",
    description: "11 requests are waiting in the queue",
    metric_name: "num_requests_waiting",
    current_value: 11,
    threshold_value: 10,
    recommendation: "Raise the batch size, or add a replica",
    detected_at: momentOf(0),
  },
];

const OPTIMIZATIONS = [
  {
    type: "KV_CACHE",
    priority: "MEDIUM",
    description: "Keep the KV cache in 8 bits, which doubles the tokens it holds",
    estimated_improvement: { kv_cache_reduction: 0.5 },
    config_changes: { kv_cache_dtype: "fp8" },
    risks: ["Slight accuracy degradation possible", "The engine has to be restarted"],
    engine_args: ["--kv-cache-dtype", "fp8"],
  },
  {
    type: "BATCHING",
    priority: "LOW",
    description: "Raise the batch size to 64",
    estimated_improvement: {},
    config_changes: { max_batch_size: 64 },
    engine_args: ["--max-num-seqs", "64"],
    note: "Each request's tokens may come more slowly.",
  },
];

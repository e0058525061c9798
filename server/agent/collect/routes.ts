import Router from "@koa/router";
import type { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import { parameters } from "../../http/parameters.ts";
import type { RunStore } from "../../store/run-store.ts";
import type { Agent } from "../agent.ts";
import type { AgentConfig } from "../agent-config.ts";
import { validateAgent } from "../agent-validation.ts";
import { INSTANCE_TYPES, type InstanceSnapshot, type KnownInstance } from "./instance-history.ts";
import {
  collectBody,
  type detailedHealthAnswer,
  historyQuery,
  type instanceHistoryAnswer,
  type instancesAnswer,
  type metricsAnswer,
} from "./schemas.ts";

export { agentMetricsOperations } from "./schemas.ts";

export interface AgentMetricsDeps extends AgentConfig {
  readonly agent: Agent;
  readonly store: Pick<RunStore, "ping">;
}

/** Of this group of the API, as its reference has it; the package has a version of its own. */
export const AGENT_API_VERSION = "1.0.0";

/** A database that does not answer in time does not work. */
const PROBE_MS = 2_000;

/** How the agent is, what it can do, and what it reads of instances. */
export function agentMetricsRoutes(deps: AgentMetricsDeps): Router {
  const { agent, store, agentId, pollingIntervalSeconds } = deps;
  const router = new Router({ prefix: "/api/v1" });

  router.get("/health", (ctx) => {
    ctx.body = { status: "healthy", timestamp: new Date().toISOString() };
  });

  router.get("/health/detailed", async (ctx) => {
    const [database, cache] = await Promise.all([
      probe(() => store.ping()),
      probe(() => agent.history.ping()),
    ]);
    const healthy = database === "healthy" && cache === "healthy";
    ctx.status = healthy ? 200 : 503;
    ctx.body = {
      status: healthy ? "healthy" : "unhealthy",
      version: AGENT_API_VERSION,
      uptime_seconds: process.uptime(),
      dependencies: { database, cache },
      timestamp: new Date().toISOString(),
    } satisfies z.input<typeof detailedHealthAnswer>;
  });

  router.get("/config", (ctx) => {
    ctx.body = {
      agent_id: agentId,
      version: AGENT_API_VERSION,
      capabilities: INSTANCE_TYPES,
      polling_interval: pollingIntervalSeconds,
    };
  });

  router.get("/capabilities", (ctx) => {
    ctx.body = {
      capabilities: {
        collectors: INSTANCE_TYPES,
        optimizers: ["kv_cache", "quantization", "batching"],
        workflows: ["optimization", "analysis"],
      },
      supported_metrics: ["request_metrics", "gpu_metrics", "throughput_metrics"],
    };
  });

  router.post("/metrics/collect", async (ctx) => {
    const { instance_id, instance_type, metrics_url } = validateAgent(collectBody, parameters(ctx));
    const snapshot = await agent.collect({
      instanceId: instance_id,
      instanceType: instance_type,
      metricsUrl: metrics_url,
    });
    ctx.body = metricsView(instance_id, snapshot);
  });

  router.get("/instances", async (ctx) => {
    const instances = (await agent.history.list()).map(instanceView);
    ctx.body = { instances } satisfies z.input<typeof instancesAnswer>;
  });

  router.get("/instances/:instance_id/history", async (ctx) => {
    const { limit } = validateAgent(historyQuery, { ...ctx.query });
    const id = ctx.params.instance_id ?? "";
    const instance = (await agent.history.find(id)) ?? notFound(id);
    const snapshots = await agent.history.snapshots(id, limit);
    ctx.body = {
      ...instanceView(instance),
      snapshots: snapshots.map((snapshot) => metricsView(id, snapshot)),
    } satisfies z.input<typeof instanceHistoryAnswer>;
  });

  router.delete("/instances/:instance_id", async (ctx) => {
    const id = ctx.params.instance_id ?? "";
    if (!(await agent.forget(id))) notFound(id);
    ctx.body = { deleted: id };
  });

  return router;
}

function metricsView(instanceId: string, { at, metrics }: InstanceSnapshot): z.input<typeof metricsAnswer> {
  // The schema's lists may be written to, ours not; JSON knows no difference.
  return { instance_id: instanceId, timestamp: at, ...metrics } as z.input<typeof metricsAnswer>;
}

function instanceView({
  instanceId,
  instanceType,
  metricsUrl,
  registeredAt,
  latest,
  failure,
}: KnownInstance) {
  return {
    instance_id: instanceId,
    instance_type: instanceType,
    metrics_url: withoutQuery(metricsUrl),
    registered_at: registeredAt,
    last_collected_at: latest?.at ?? null,
    error: failure ?? null,
  };
}

/** A query may hold a key, and who reads the list need not be who gave it. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function notFound(id: string): never {
  throw new ApiError("NOT_FOUND", `There is no instance ${JSON.stringify(id.slice(0, 100))}.`);
}

async function probe(ping: () => Promise<void>): Promise<"healthy" | "unhealthy"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"unhealthy">((resolve) => {
    timer = setTimeout(resolve, PROBE_MS, "unhealthy");
  });
  const asked = Promise.resolve()
    .then(ping)
    .then(
      () => "healthy" as const,
      () => "unhealthy" as const,
    );
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

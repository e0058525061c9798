import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Agent, createAgent } from "../../server/agent/agent.ts";
import { DEFAULT_AGENT_CONFIG } from "../../server/agent/agent-config.ts";
import type { InstancePlan } from "../../server/agent/workflows/instance-plan.ts";
import { createHookRunner } from "../../server/agent/workflows/run-hook.ts";
import { waitUntilReady } from "../../server/agent/workflows/wait-until-ready.ts";
import { createWorkflows } from "../../server/agent/workflows/workflows.ts";
import { createApp } from "../../server/app.ts";
import { attachRunSocket } from "../../server/load-tests/runs/run-socket.ts";
import { ModelHolder } from "../../server/model/model-holder.ts";
import { SystemSampler } from "../../server/model/system-sampler.ts";
import { Telemetry } from "../../server/model/telemetry.ts";
import { createTargets } from "../../server/settings/targets.ts";
import { systemClock } from "../../src/clock.ts";
import type { Script } from "../../src/scripted-server.ts";
import { VERSION } from "../../src/version.ts";
import { type RunBench, withRunBench } from "./run-bench.ts";

export interface DashboardBench extends RunBench {
  /** Of the server. */
  readonly url: string;
  /** Watches instances, and reads them only when it is asked to. */
  readonly agent: Agent;
  /** Cuts all connections, as a network may. */
  cut(): void;
}

export interface DashboardOptions {
  readonly apiKey?: string;
  readonly models?: ModelHolder;
  /** What the operator has told about instances; nothing, so that workflows are advisory. */
  readonly plans?: (bench: RunBench) => Promise<readonly InstancePlan[]>;
}

/** The server with its page, without a model, on a real database and a real target. */
export function withDashboard(
  script: Script,
  work: (bench: DashboardBench) => Promise<void>,
  options: DashboardOptions = {},
): Promise<void> {
  return withRunBench(script, async (bench) => {
    const http = createServer();
    const { models = new ModelHolder(undefined), apiKey } = options;
    const system = new SystemSampler(models);
    const runSocket = attachRunSocket(http, bench);
    const targets = createTargets({ allowed: undefined });
    const history = bench.stores.instances;
    const agent = createAgent({ targets, log: bench.log, pollingIntervalSeconds: 0, history });
    const plans = (await options.plans?.(bench)) ?? [];
    const workflows = await createWorkflows({
      ...bench,
      store: bench.stores.workflows,
      runStore: bench.store,
      agent,
      plans: new Map(plans.map((plan) => [plan.instanceId, plan])),
      runHook: createHookRunner({ targets, cwd: bench.dataDir, env: process.env }),
      waitUntilReady: (plan, signal) => waitUntilReady(plan, targets, systemClock(), signal),
    });
    const app = createApp({
      ...bench,
      models,
      system,
      telemetry: new Telemetry(models, system),
      version: VERSION,
      targetTokensPerSecond: 5,
      bodyLimitBytes: 1024 * 1024,
      apiKey,
      loadTests: { ...bench, targets, runSocket, agent, agentConfig: DEFAULT_AGENT_CONFIG, workflows },
    });
    http.on("request", app.callback());
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const sockets = new Set<Socket>();
    http.on("connection", (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    const cut = () => {
      for (const socket of sockets) socket.destroy();
    };
    try {
      await work({ ...bench, url, agent, cut });
    } finally {
      await workflows.close();
      runSocket.close();
      await agent.close();
      system.close();
      const closed = new Promise((resolve) => http.close(resolve));
      cut();
      await closed;
    }
  });
}

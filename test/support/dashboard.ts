import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAgent } from "../../server/agent/agent.ts";
import { DEFAULT_AGENT_CONFIG } from "../../server/agent/agent-config.ts";
import { createApp } from "../../server/app.ts";
import { ModelHolder } from "../../server/model-holder.ts";
import { attachRunSocket } from "../../server/routes/run-socket.ts";
import { SystemSampler } from "../../server/system-sampler.ts";
import { createTargets } from "../../server/targets.ts";
import { Telemetry } from "../../server/telemetry.ts";
import type { Script } from "../../src/scripted-server.ts";
import { VERSION } from "../../src/version.ts";
import { type RunBench, withRunBench } from "./run-bench.ts";

export interface DashboardBench extends RunBench {
  /** Of the server. */
  readonly url: string;
  /** Cuts all connections, as a network may. */
  cut(): void;
}

/** The server with its page, without a model, on a real database and a real target. */
export function withDashboard(
  script: Script,
  work: (bench: DashboardBench) => Promise<void>,
  options: { readonly apiKey?: string; readonly models?: ModelHolder } = {},
): Promise<void> {
  return withRunBench(script, async (bench) => {
    const http = createServer();
    const { models = new ModelHolder(undefined), apiKey } = options;
    const system = new SystemSampler(models);
    const runSocket = attachRunSocket(http, bench);
    const targets = createTargets({ allowed: undefined });
    const agent = createAgent({ targets, log: bench.log, pollingIntervalSeconds: 0 });
    const app = createApp({
      ...bench,
      models,
      system,
      telemetry: new Telemetry(models, system),
      version: VERSION,
      targetTokensPerSecond: 5,
      bodyLimitBytes: 1024 * 1024,
      apiKey,
      loadTests: { ...bench, targets, runSocket, agent, agentConfig: DEFAULT_AGENT_CONFIG },
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
      await work({ ...bench, url, cut });
    } finally {
      runSocket.close();
      await agent.close();
      system.close();
      const closed = new Promise((resolve) => http.close(resolve));
      cut();
      await closed;
    }
  });
}

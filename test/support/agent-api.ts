import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { bodyParser } from "@koa/bodyparser";
import Koa, { type Middleware } from "koa";
import { type Agent, type AgentOptions, createAgent } from "../../server/agent/agent.ts";
import { type AgentAnalysisDeps, agentAnalysisRoutes } from "../../server/agent/analysis/routes.ts";
import { type AgentMetricsDeps, agentMetricsRoutes } from "../../server/agent/collect/routes.ts";
import { errorBody, toApiError } from "../../server/http/errors.ts";
import { createTargets } from "../../server/settings/targets.ts";
import { openStores } from "../../server/store/open-stores.ts";
import type { Clock } from "../../src/clock.ts";
import { FakeClock } from "./fake-clock.ts";

export interface Listening extends AsyncDisposable {
  readonly url: string;
}

/** A server of one listener on a free port. */
export async function listening(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An engine that serves one page after another, the last of them for ever. */
export async function engineWith(
  ...pages: readonly string[]
): Promise<Listening & { readonly asked: string[] }> {
  const asked: string[] = [];
  const server = await listening((request, response) => {
    asked.push(request.url!);
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(pages[Math.min(asked.length, pages.length) - 1]);
  });
  return { ...server, asked };
}

/** Time that jumps to whatever is waited for. */
export function leapingClock(): Clock {
  let nowNs = 0;
  return {
    ...new FakeClock(),
    now: () => nowNs,
    startedAtMs: 0,
    async sleepUntil(atNs) {
      nowNs = Math.max(nowNs, atNs);
    },
    alarm(atNs, callback) {
      const timer = setImmediate(() => {
        nowNs = Math.max(nowNs, atNs);
        callback();
      });
      return () => clearImmediate(timer);
    },
  };
}

export type AgentApiOptions = Partial<AgentOptions & AgentMetricsDeps & AgentAnalysisDeps>;

/** The agent's routes, and nothing else of the server, on a port; instances are asked by real requests. */
export async function agentApi(
  options: AgentApiOptions = {},
): Promise<Listening & { readonly agent: Agent }> {
  const settings = { agentId: "performance-agent", pollingIntervalSeconds: 0, ...options };
  const log = { warn() {}, info() {} };
  const stores = await openStores({ kind: "sqlite", path: ":memory:" });
  const { history = stores.instances } = options;
  const agent = createAgent({ targets: createTargets(), log, clock: leapingClock(), ...settings, history });
  const store = { ping: async () => {} };
  const app = new Koa();
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = toApiError(thrown);
      ctx.status = error.status;
      ctx.body = errorBody(error, "req-0");
    }
  });
  app.use(bodyParser({ enableTypes: ["json", "form", "text"] }) as Middleware);
  app.use(agentMetricsRoutes({ store, ...settings, agent }).routes());
  app.use(agentAnalysisRoutes({ ...settings, agent }).routes());
  const server = await listening(app.callback());
  return {
    ...server,
    agent,
    async [Symbol.asyncDispose]() {
      await agent.close();
      await server[Symbol.asyncDispose]();
      await stores.close();
    },
  };
}

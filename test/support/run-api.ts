import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bodyParser } from "@koa/bodyparser";
import Koa, { type Middleware } from "koa";
import { errorBody, toApiError } from "../../server/http/errors.ts";
import { type RunRouteDeps, runRoutes } from "../../server/load-tests/runs/routes.ts";
import {
  attachRunSocket,
  type RunSocket,
  type RunSocketOptions,
  runSocketRoutes,
} from "../../server/load-tests/runs/run-socket.ts";
import type { Script } from "../../src/scripted-server.ts";
import { type RunBench, withRunBench } from "./run-bench.ts";

export interface RunApi extends RunBench {
  /** Of the API. */
  readonly url: string;
  readonly socket: RunSocket;
}

/** The routes of load tests, and nothing else of the server, on a port. */
export function withRunApi(
  script: Script,
  work: (api: RunApi) => Promise<void>,
  options: Partial<RunRouteDeps & RunSocketOptions> = {},
): Promise<void> {
  return withRunBench(script, async (bench) => {
    const deps = { ...bench, targets: { check: async () => {} }, ...options };
    const http = createServer();
    const socket = attachRunSocket(http, deps);
    const app = new Koa();
    app.use(async (ctx, next) => {
      ctx.state.requestId = ctx.get("X-Request-ID") || "req-0";
      try {
        await next();
      } catch (thrown) {
        const error = toApiError(thrown);
        ctx.status = error.status;
        ctx.body = errorBody(error, ctx.state.requestId);
      }
    });
    app.use(bodyParser({ enableTypes: ["json", "form", "text"] }) as Middleware);
    app.use(runSocketRoutes({ runSocket: socket }).routes());
    app.use(runRoutes(deps).routes());
    http.on("request", app.callback());
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    try {
      await work({ ...bench, url, socket });
    } finally {
      socket.close();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
    }
  });
}

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bodyParser } from "@koa/bodyparser";
import Koa, { type Middleware } from "koa";
import { type AuthOptions, authenticate, authorize } from "../../server/http/auth.ts";
import { errorBody, toApiError } from "../../server/http/errors.ts";
import { recommendRoutes } from "../../server/load-tests/recommendation/routes.ts";
import {
  type VirtualUserRouteDeps,
  virtualUserRoutes,
} from "../../server/load-tests/virtual-users/routes.ts";
import { createTargets } from "../../server/settings/targets.ts";
import type { Script } from "../../src/scripted-server.ts";
import { type RunBench, withRunBench } from "./run-bench.ts";

export interface CapacityApi extends RunBench {
  /** Of the API. */
  readonly url: string;
}

export interface CapacityApiOptions
  extends AuthOptions,
    Partial<Pick<VirtualUserRouteDeps, "targets" | "virtualUsers" | "datasetsDir">> {
  /** Runs at the same time. */
  readonly concurrency?: number;
}

/** The routes of recommendations and of virtual users, as the server has them, on a port. */
export function withCapacityApi(
  script: Script,
  work: (api: CapacityApi) => Promise<void>,
  options: CapacityApiOptions = {},
): Promise<void> {
  return withRunBench(
    script,
    async (bench) => {
      const virtualUsers = { url: undefined, model: undefined, tokenizer: undefined, apiKey: undefined };
      const deps = { ...bench, targets: createTargets(), virtualUsers, ...options };
      const app = new Koa();
      app.use(async (ctx, next) => {
        ctx.state.requestId = "req-0";
        try {
          await next();
        } catch (thrown) {
          const error = toApiError(thrown);
          ctx.status = error.status;
          ctx.set({ ...error.headers });
          ctx.body = errorBody(error, ctx.state.requestId);
        }
      });
      app.use(authenticate(options));
      app.use(authorize(options));
      app.use(bodyParser({ enableTypes: ["json", "form", "text"] }) as Middleware);
      app.use(recommendRoutes(deps).routes());
      app.use(virtualUserRoutes(deps).routes());
      const http = createServer(app.callback());
      await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
      try {
        await work({ ...bench, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
      } finally {
        const closed = new Promise((resolve) => http.close(resolve));
        http.closeAllConnections();
        await closed;
      }
    },
    options.concurrency,
  );
}

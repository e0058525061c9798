import Router from "@koa/router";
import type { Middleware } from "koa";

export interface RootDeps {
  readonly version: string;
  /** Answers with the page; without one everybody is told that the server is well. */
  readonly dashboard?: Middleware | undefined;
}

/** `GET /`: the dashboard for people, a sign of life for programs. */
export function rootRoutes({ version, dashboard }: RootDeps): Router {
  const router = new Router();

  router.get("/", async (ctx, next) => {
    ctx.vary("Accept");
    // A program that takes anything gets JSON; browsers name HTML first.
    if (dashboard !== undefined && ctx.accepts("json", "html") === "html") return dashboard(ctx, next);
    ctx.body = { status: "healthy", service: "goodput", version, docs: "/docs" };
  });

  return router;
}

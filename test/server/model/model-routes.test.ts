import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { bodyParser } from "@koa/bodyparser";
import Koa, { type Middleware } from "koa";
import { type AuthOptions, authenticate, authorize } from "../../../server/http/auth.ts";
import { errorBody, toApiError } from "../../../server/http/errors.ts";
import type { ChatMessage, GenerationEnd, Inference } from "../../../server/inference/inference.ts";
import { ModelHolder } from "../../../server/model/model-holder.ts";
import { modelRoutes } from "../../../server/model/model-routes.ts";
import { SystemSampler } from "../../../server/model/system-sampler.ts";
import { Telemetry } from "../../../server/model/telemetry.ts";
import { fakeInference } from "../../support/fake-inference.ts";
import { send } from "../../support/server.ts";

const BASIC = { authorization: "Basic YWRtaW46c2VjdXJlX3Bhc3N3b3Jk" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };

test("[A-129] generate answers what the model says, to a form, a query and JSON, with and without a slash", () =>
  withRoutes(echo(), async (url) => {
    for (const [answer, reason] of [
      [await send(`${url}/generate/`, { body: { input: "ping" } }), "JSON"],
      [await send(`${url}/generate`, { headers: FORM, body: "input=ping" }), "a form"],
      [await send(`${url}/generate/?input=ping`, { method: "POST" }), "the query"],
    ] as const) {
      assert.deepEqual([answer.status, answer.json], [200, { response: "you said: ping" }], reason);
    }
    const nothing = await send(`${url}/generate/`, { method: "POST" });
    assert.deepEqual(nothing.json, { response: "you said: Hello!" });
    assert.equal((await send(`${url}/generate/`, { body: { input: "" } })).status, 400);
    assert.equal((await send(`${url}/generate/`, { body: { input: 5 } })).status, 400);
  }));

test("[A-129] generate is protected where Basic credentials are configured", () =>
  withRoutes(
    echo(),
    async (url) => {
      const refused = await send(`${url}/generate/`, { body: { input: "ping" } });
      assert.equal(refused.status, 401);
      assert.match(String(refused.headers["www-authenticate"]), /^Basic/);
      const answer = await send(`${url}/generate/`, { body: { input: "ping" }, headers: BASIC });
      assert.equal(answer.status, 200);
      assert.equal((await send(`${url}/model/`)).status, 200, "[A-130] the model's name is open");
    },
    { basicAuth: { username: "admin", password: "secure_password" } },
  ));

test("[A-130] model names the model, and nothing where there is none", async () => {
  await withRoutes(echo(), async (url) => {
    for (const path of ["/model/", "/model"]) {
      assert.deepEqual((await send(url + path)).json, { model: "fake" });
    }
  });
  await withRoutes(undefined, async (url) => {
    const { status, json } = await send(`${url}/model/`);
    assert.deepEqual([status, json], [200, { model: "" }]);
    const refused = await send(`${url}/generate/`, { body: { input: "ping" } });
    assert.deepEqual([refused.status, refused.json.error.code], [503, "MODEL_NOT_READY"]);
  });
});

/** A model that repeats what it is told. */
function echo(): Inference {
  let said = "";
  return {
    ...fakeInference(),
    chatPrompt: (messages: readonly ChatMessage[]) => {
      said = messages.map(({ content }) => content).join();
      return { tokens: [1] };
    },
    generate: (_request, listener) => {
      setImmediate(() => {
        listener.onToken("you said: ");
        listener.onToken(said);
        const timings = { queuedMs: 0, promptMs: 1, generationMs: 1 };
        listener.onEnd({
          reason: "stop",
          promptTokens: 1,
          cachedTokens: 0,
          generatedTokens: 2,
          timings,
        } as GenerationEnd);
      });
      return { abort: () => {} };
    },
  } as Inference;
}

async function withRoutes(
  inference: Inference | undefined,
  work: (url: string) => Promise<void>,
  auth: AuthOptions = {},
): Promise<void> {
  const models = new ModelHolder(inference && Promise.resolve(inference));
  await models.loaded.catch(() => {});
  const system = new SystemSampler(models);
  const app = new Koa();
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = toApiError(thrown);
      ctx.status = error.status;
      ctx.set({ ...error.headers });
      ctx.body = errorBody(error, "req-0");
    }
  });
  app.use(authenticate(auth));
  app.use(authorize(auth));
  app.use(bodyParser({ enableTypes: ["json", "form", "text"] }) as Middleware);
  app.use(modelRoutes({ models, telemetry: new Telemetry(models, system) }).routes());
  const http = createServer(app.callback());
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(http.address() as AddressInfo).port}/api/v1`);
  } finally {
    system.close();
    const closed = new Promise((resolve) => http.close(resolve));
    http.closeAllConnections();
    await closed;
  }
}

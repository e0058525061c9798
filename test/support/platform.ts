import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { type AppDeps, createApp } from "../../server/app.ts";
import { ModelHolder } from "../../server/model/model-holder.ts";
import { SystemSampler } from "../../server/model/system-sampler.ts";
import { Telemetry } from "../../server/model/telemetry.ts";

/** What every app needs, for one without a model. */
export function platformDeps(): AppDeps & { readonly system: SystemSampler } {
  const models = new ModelHolder(undefined);
  const system = new SystemSampler(models);
  return {
    models,
    system,
    telemetry: new Telemetry(models, system),
    version: "1.2.3",
    targetTokensPerSecond: 5,
    log: pino({ level: "silent" }),
    bodyLimitBytes: 2048,
  };
}

/** The server's app without a model and without load tests, on a free port. */
export async function startPlatform(options: Partial<AppDeps> = {}) {
  const deps = { ...platformDeps(), ...options };
  const http = createServer(createApp(deps).callback());
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async close() {
      deps.system.close();
      http.close();
      await once(http, "close");
    },
  };
}

import { createServer, type Server as HttpServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { systemClock } from "../src/index.ts";
import { VERSION } from "../src/version.ts";
import { createAgent } from "./agent/agent.ts";
import { checkTargets } from "./agent/workflows/check-targets.ts";
import type { InstancePlan } from "./agent/workflows/instance-plan.ts";
import { hookFolder, readInstancePlans, secretsOfPlans } from "./agent/workflows/read-plans.ts";
import { createHookRunner } from "./agent/workflows/run-hook.ts";
import { waitUntilReady } from "./agent/workflows/wait-until-ready.ts";
import { createWorkflows } from "./agent/workflows/workflows.ts";
import { createApp, type LoadTestDeps } from "./app.ts";
import { ConfigError, DEFAULT_CONFIG, readConfig, type ServerConfig, secretsOf } from "./config.ts";
import { checkGguf } from "./inference/gguf-check.ts";
import { loadInference } from "./inference/llama-inference.ts";
import { ModelError } from "./inference/model-error.ts";
import { attachRunSocket } from "./load-tests/runs/run-socket.ts";
import { createRuns } from "./load-tests/runs/runs.ts";
import { dockerSocketOf } from "./load-tests/validation/docker-engine.ts";
import { concludeWithValidation } from "./load-tests/validation/validation.ts";
import { createLog } from "./log.ts";
import { LoadProgress } from "./model/load-progress.ts";
import { type LoadView, loadBar, loadLines } from "./model/load-view.ts";
import { ModelHolder } from "./model/model-holder.ts";
import { SystemSampler } from "./model/system-sampler.ts";
import { Telemetry } from "./model/telemetry.ts";
import { loadEnvironmentFile } from "./settings/environment-file.ts";
import { createTargets, type Targets } from "./settings/targets.ts";
import { DatabaseError } from "./store/database-error.ts";
import { openStores } from "./store/open-stores.ts";
import { storeName } from "./store/store-config.ts";
import { openSharding, type Sharding } from "./workers/open-sharding.ts";

export interface Server {
  /** `http://host:port`, with the port that was taken. */
  readonly url: string;
  /** Settles when the model is loaded, or nobody waits for it any more; until then its routes answer 503. */
  readonly ready: Promise<void>;
  /** Lets running requests end, then frees port and model; further calls wait for the first. */
  close(): Promise<void>;
}

/** The port cannot be listened on. */
export class ListenError extends Error {
  readonly code: string;

  constructor(cause: NodeJS.ErrnoException, port: number) {
    const reason = cause.code === "EADDRINUSE" ? "another program is listening on it" : cause.message;
    super(`The server cannot listen on port ${port}: ${reason}.`, { cause });
    this.name = "ListenError";
    this.code = cause.code ?? "EUNKNOWN";
  }
}

/**
 * Takes the port, opens the store, and loads the model meanwhile, of which the log tells unless there is a view
 * for it. What asks before all is up waits for it.
 */
export async function serve(options: Partial<ServerConfig> = {}, view?: LoadView): Promise<Server> {
  const config = { ...DEFAULT_CONFIG, ...options };
  const { model, bodyLimitBytes, targetTokensPerSecond, shutdownMs } = config;
  // A file that cannot be loaded is told before anybody is told that there is a server.
  if (model.kind === "file") checkGguf(model.path);

  const { workflowsFile } = config.agent;
  const plans = workflowsFile === undefined ? NO_PLANS : await readInstancePlans(workflowsFile, process.env);
  const targets = createTargets({ allowed: config.allowedTargets });
  await checkTargets(plans, targets);
  const secrets = [...secretsOf(config), ...secretsOfPlans(plans)];
  const log = createLog(config.quiet, secrets);
  const http = createServer();
  // Longer than any pool keeps a connection: one closed just as it is used again is a failed request.
  http.keepAliveTimeout = 75_000;
  const { promise: app, resolve: answerWith, reject: giveUp } = Promise.withResolvers<RequestListener>();
  app.catch(() => {});
  http.on("request", async (request, response) => {
    const listener = await app.catch(() => undefined);
    if (listener === undefined) response.destroy();
    else listener(request, response);
  });
  // The port comes first: a second server would take the first one's runs for those of a server that is gone.
  const url = await listen(http, config);
  const loadTests = await startLoadTests(http, config, { log, targets, plans, secrets }).catch(
    (error: unknown) => {
      giveUp(error);
      http.close();
      http.closeAllConnections();
      throw error;
    },
  );
  const progress = new LoadProgress();
  const stopped = new AbortController();
  const shown = view ?? loadLines(log);
  progress.onStep((step) => shown.show(step));
  const loading =
    model.kind === "none"
      ? undefined
      : loadInference({
          ...config,
          source: model,
          onDownload: (doneBytes, totalBytes) => progress.downloaded(doneBytes, totalBytes),
          onLoad: (share) => progress.loaded(share),
          signal: stopped.signal,
          onWarning: (message) => log.warn({ source: "llama.cpp" }, message),
        }).finally(() => shown.stop());
  const models = new ModelHolder(loading, progress);
  const system = new SystemSampler(models);
  const telemetry = new Telemetry(models, system);
  const { apiKey, basicAuth, rateLimit, trustedProxies, corsOrigins } = config;
  answerWith(
    createApp({
      models,
      telemetry,
      system,
      version: VERSION,
      log,
      bodyLimitBytes,
      targetTokensPerSecond,
      apiKey,
      basicAuth,
      rateLimit,
      trustedProxies,
      corsOrigins,
      loadTests: loadTests.deps,
    }).callback(),
  );
  log.info({ url }, "listening");

  let closing: Promise<void> | undefined;
  const ready = (model.kind === "none" ? Promise.resolve() : models.loaded).then(
    (inference) => log.info({ model: inference?.model ?? null }, "ready"),
    (error: unknown) => {
      // What ends because the server does is no failure of the model.
      if (closing === undefined) throw error;
    },
  );
  ready.catch(() => {});
  const close = async () => {
    log.info("closing");
    stopped.abort();
    const closed = new Promise((resolve) => http.close(resolve));
    // Runs end first, so that those who wait for one or watch it are told.
    await Promise.all([loadTests.stop(), models.close(AbortSignal.timeout(shutdownMs))]);
    system.close();
    // Answers are complete by now, but a slow reader may not have taken all of its own yet.
    http.closeIdleConnections();
    const force = setTimeout(() => http.closeAllConnections(), LAST_BYTES_MS);
    await closed;
    clearTimeout(force);
    // Last, since until here an answer may have come from it.
    await loadTests.closeStore();
    log.info("closed");
  };
  return { url, ready, close: () => (closing ??= close()) };
}

interface Told {
  readonly log: Logger;
  readonly targets: Targets;
  /** What the operator has said about instances. */
  readonly plans: ReadonlyMap<string, InstancePlan>;
  readonly secrets: readonly string[];
}

/** Stores, then runs, then those who start or watch them; they end the other way round. */
async function startLoadTests(http: HttpServer, config: ServerConfig, told: Told) {
  const { log, targets, plans, secrets } = told;
  const stores = await openStores(config.store);
  const { runs: store, instances: history } = stores;
  log.info({ store: storeName(config.store) }, "store opened");
  let sharding: Sharding | undefined;
  try {
    const { dataDir, runConcurrency: concurrency, corsOrigins: origins, virtualUsers, datasetsDir } = config;
    const dockerSocket = dockerSocketOf(config.dockerHost);
    sharding = await openSharding(config, { shards: stores.shards, plans, log });
    const runs = await createRuns({ store, log, dataDir, concurrency, shards: sharding?.shards });
    const runSocket = attachRunSocket(http, { runs, store, log, origins });
    const { agent: agentConfig } = config;
    const { pollingIntervalSeconds, workflowsFile = "." } = agentConfig;
    const agent = createAgent({ targets, log, pollingIntervalSeconds, history });
    const cwd = hookFolder(workflowsFile);
    const workflows = await createWorkflows({
      store: stores.workflows,
      runStore: store,
      runs,
      agent,
      log,
      plans,
      runHook: createHookRunner({ targets, cwd, env: process.env, secrets }),
      waitUntilReady: (plan, signal) => waitUntilReady(plan, targets, systemClock(), signal),
    });
    return {
      deps: {
        runs,
        store,
        targets,
        runSocket,
        virtualUsers,
        datasetsDir,
        agent,
        agentConfig,
        workflows,
        validation: (given) => concludeWithValidation(given, dockerSocket),
      } satisfies LoadTestDeps,
      async stop() {
        // Before the runs, whose ends they would take for what came of them.
        await workflows.close();
        await runs.close();
        await agent.close();
        runSocket.close();
      },
      async closeStore() {
        await sharding?.close();
        await stores.close();
      },
    };
  } catch (error) {
    await sharding?.close();
    await stores.close();
    throw error;
  }
}

const NO_PLANS: ReadonlyMap<string, InstancePlan> = new Map();

/** How long a client may take to read the end of its answer once everything else is done. */
const LAST_BYTES_MS = 1_000;

function listen(http: HttpServer, { port, host }: ServerConfig): Promise<string> {
  return new Promise((resolve, reject) => {
    http.once("error", (error) => reject(new ListenError(error, port)));
    http.listen(port, host, () => {
      const address = http.address() as AddressInfo;
      // 0.0.0.0 and :: mean every address of this machine, and are none to send a request to.
      const everywhere = address.address === "0.0.0.0" || address.address === "::";
      const name = everywhere
        ? "127.0.0.1"
        : address.family === "IPv6"
          ? `[${address.address}]`
          : address.address;
      resolve(`http://${name}:${address.port}`);
    });
  });
}

/** Runs until a signal; exits with 2 and one message when there is nothing to run. */
export async function main(env?: NodeJS.ProcessEnv): Promise<void> {
  try {
    loadEnvironmentFile(".env");
    const config = readConfig({ ...process.env, ...env });
    const { stderr } = process;
    const server = await serve(config, stderr.isTTY && !config.quiet ? loadBar(stderr) : undefined);
    process.stdout.write(`listening on ${server.url}\n`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      // Not `once`: libraries that watch signals end the process when they find themselves the only listener left.
      process.on(signal, () => void server.close().then(() => process.exit(0)));
    }
    await server.ready;
  } catch (error) {
    if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
    const { message, hint } = error as Error & { readonly hint?: string };
    process.stderr.write(hint === undefined ? `${message}\n` : `${message}\n${hint}\n`);
    process.exit(2);
  }
}

/** What somebody who starts a server can do something about. */
const EXPECTED = [ModelError, ListenError, ConfigError, DatabaseError];

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();

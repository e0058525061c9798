import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { VERSION } from "../src/version.ts";
import { createApp } from "./app.ts";
import { ConfigError, DEFAULT_CONFIG, readConfig, type ServerConfig } from "./config.ts";
import { checkGguf } from "./inference/gguf-check.ts";
import { loadInference } from "./inference/llama-inference.ts";
import { ModelError } from "./inference/model-error.ts";
import { createLog } from "./log.ts";
import { ModelHolder } from "./model-holder.ts";
import { SystemSampler } from "./system-sampler.ts";
import { Telemetry } from "./telemetry.ts";

export interface Server {
  /** `http://host:port`, with the port that was taken. */
  readonly url: string;
  /** Settles when the model is loaded; until then its routes answer 503. */
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

/** Listens at once and loads the model meanwhile. */
export async function serve(options: Partial<ServerConfig> = {}): Promise<Server> {
  const config = { ...DEFAULT_CONFIG, ...options };
  // A file that cannot be loaded is told before anybody is told that there is a server.
  if (config.model.kind === "file") checkGguf(config.model.path);

  const log = createLog(config.quiet);
  const http = createServer();
  // Longer than any pool keeps a connection: one closed just as it is used again is a failed request.
  http.keepAliveTimeout = 75_000;
  const url = await listen(http, config);
  const models = new ModelHolder(
    loadInference({
      ...config,
      source: config.model,
      onDownload: everyTenth((percent) => log.info({ percent }, "downloading the model")),
      onWarning: (message) => log.warn({ source: "llama.cpp" }, message),
    }),
  );
  const system = new SystemSampler(models);
  const telemetry = new Telemetry(models, system);
  const { bodyLimitBytes, targetTokensPerSecond } = config;
  http.on(
    "request",
    createApp({
      models,
      telemetry,
      system,
      version: VERSION,
      log,
      bodyLimitBytes,
      targetTokensPerSecond,
    }).callback(),
  );
  log.info({ url }, "listening");

  const ready = models.loaded.then(({ model }) => log.info({ model }, "ready"));
  ready.catch(() => {});
  let closing: Promise<void> | undefined;
  const close = async () => {
    log.info("closing");
    const closed = new Promise((resolve) => http.close(resolve));
    await models.close(AbortSignal.timeout(config.shutdownMs));
    system.close();
    // Answers are complete by now, but a slow reader may not have taken all of its own yet.
    http.closeIdleConnections();
    const force = setTimeout(() => http.closeAllConnections(), LAST_BYTES_MS);
    await closed;
    clearTimeout(force);
    log.info("closed");
  };
  return { url, ready, close: () => (closing ??= close()) };
}

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

function everyTenth(tell: (percent: number) => void): (doneBytes: number, totalBytes: number) => void {
  let told = -1;
  return (doneBytes, totalBytes) => {
    const percent = totalBytes > 0 ? Math.floor((doneBytes / totalBytes) * 10) * 10 : 0;
    if (percent > told) tell(percent);
    told = Math.max(told, percent);
  };
}

/** Runs until a signal; exits with 2 and one message when there is nothing to run. */
export async function main(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  try {
    const server = await serve(readConfig(env));
    process.stdout.write(`listening on ${server.url}\n`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      // Not `once`: libraries that watch signals end the process when they find themselves the only listener left.
      process.on(signal, () => void server.close().then(() => process.exit(0)));
    }
    await server.ready;
  } catch (error) {
    if (!(error instanceof ModelError || error instanceof ListenError || error instanceof ConfigError))
      throw error;
    const hint = error instanceof ModelError && error.hint !== undefined ? `\n${error.hint}` : "";
    process.stderr.write(`${error.message}${hint}\n`);
    process.exit(2);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();

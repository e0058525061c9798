import { warning } from "@actions/core";
import { type Result, runPlan } from "../src/index.ts";
import { attempt } from "./attempt.ts";
import { type Baseline, readBaseline } from "./baseline.ts";
import type { Ending } from "./ending.ts";
import { finish } from "./finish.ts";
import type { Inputs } from "./inputs.ts";
import { planFrom } from "./plan.ts";
import { printProgress } from "./progress.ts";
import { type Waiting, waitUntilReady } from "./ready.ts";
import { startServer } from "./server-command.ts";
import { withShardSalt } from "./shard-salt.ts";
import { transportFor } from "./transport.ts";
import { refuseRefused, refuseUntrusted, refuseWithoutKey } from "./untrusted.ts";

/** Inputs → plan → load → result and its files. Never rejects: whatever goes wrong is an ending too. */
export function measure(inputs: Inputs, signal: AbortSignal): Promise<Ending> {
  return attempt(signal, async () => {
    refuseUntrusted(inputs);
    const plan = await planFrom(inputs);
    const baseline = await readBaseline(inputs.baseline);
    const load = () => put(plan, inputs, baseline, signal);
    const waiting = { url: plan.target.url, open: transportFor(inputs), signal };
    const measured =
      inputs.serverCommand === ""
        ? await whenReady(inputs, waiting, load)
        : await served(inputs, waiting, load);
    refuseRefused(inputs, measured);
    return finish(measured, inputs, baseline);
  });
}

function put(
  plan: Awaited<ReturnType<typeof planFrom>>,
  inputs: Inputs,
  { stored }: Baseline,
  signal: AbortSignal,
): Promise<Result> {
  const { apiKey, baselineApiKey, shard } = inputs;
  return runPlan(withShardSalt(plan, inputs), {
    ...(apiKey !== "" && { apiKey }),
    ...(baselineApiKey !== "" && { baselineApiKey }),
    ...(shard !== undefined && { shard }),
    ...(stored !== undefined && { stored }),
    outDir: inputs.outputDir,
    signal,
    transport: transportFor(inputs),
    onProgress: printProgress(),
  });
}

async function whenReady(inputs: Inputs, waiting: Waiting, load: () => Promise<Result>): Promise<Result> {
  if (inputs.waitForReadyMs > 0) await waitUntilReady(waiting, inputs.waitForReadyMs);
  await refuseWithoutKey(inputs, waiting);
  return load();
}

/** By a server of our own, which is there as long as the load. */
async function served(inputs: Inputs, waiting: Waiting, load: () => Promise<Result>): Promise<Result> {
  const server = await startServer(inputs, waiting);
  try {
    return await load();
  } finally {
    const failure = server.failure();
    await server.stop(waiting.signal.aborted);
    if (failure !== undefined) {
      warning([`${failure.message} It went on no longer than that.`, ...server.lastLines()].join("\n"), {
        title: "Goodput: the server ended during the run",
      });
    }
  }
}

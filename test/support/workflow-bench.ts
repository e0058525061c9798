import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Logger, pino } from "pino";
import { createAgent } from "../../server/agent/agent.ts";
import type { InstanceType } from "../../server/agent/collect/instance-history.ts";
import type { HookInput, InstancePlan } from "../../server/agent/workflows/instance-plan.ts";
import { createHookRunner } from "../../server/agent/workflows/run-hook.ts";
import { waitUntilReady } from "../../server/agent/workflows/wait-until-ready.ts";
import type {
  Stage,
  Workflow,
  WorkflowRequest,
  WorkflowStore,
} from "../../server/agent/workflows/workflow.ts";
import { createWorkflows, type WorkflowsDeps } from "../../server/agent/workflows/workflows.ts";
import { createRuns } from "../../server/load-tests/runs/runs.ts";
import { createTargets } from "../../server/settings/targets.ts";
import { openDatabase } from "../../server/store/database.ts";
import { instanceStore } from "../../server/store/instance-store.ts";
import { runStore as storeOfRuns } from "../../server/store/open-run-store.ts";
import type { MeasuredRun, RunStore } from "../../server/store/run-store.ts";
import { workflowStore } from "../../server/store/workflow-store.ts";
import { systemClock } from "../../src/clock.ts";
import { type Script, type ScriptedServer, startScriptedServer } from "../../src/scripted-server.ts";
import { engineWith, leapingClock, listening } from "./agent-api.ts";
import { planOf, record, times } from "./records.ts";
import { resultOf } from "./results.ts";

/** Twenty wait: QUEUE_BUILDUP, for which the rules advise twice the batch. */
const CROWDED = "vllm:num_requests_running 8\nvllm:num_requests_waiting 20\n";

export const INSTANCE_ID = "vllm-a";
export const ASKED: WorkflowRequest = {
  instanceId: INSTANCE_ID,
  instanceType: "vllm" satisfies InstanceType,
  type: "optimization",
  autoApprove: false,
};

export interface WorkflowBench {
  readonly deps: WorkflowsDeps;
  readonly store: WorkflowStore;
  readonly runStore: RunStore;
  readonly engine: ChangingEngine;
  /** Of hooks, in the order they were called. */
  readonly calls: readonly HookInput[];
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  plan(changes?: PlanChanges): InstancePlan;
  /** With other dependencies where a test has its own; closed at the end. */
  open(deps?: Partial<WorkflowsDeps>): ReturnType<typeof createWorkflows>;
}

export interface PlanChanges extends Partial<Omit<InstancePlan, "hooks">> {
  readonly hooks?: Partial<InstancePlan["hooks"]>;
}

/** How the engine behaves under a configuration. */
export type Behaviour = (config: Readonly<Record<string, unknown>>) => Script;

/**
 * Workflows on a real database, with real load tests of a real engine that webhooks reconfigure.
 * `answer` stands between a hook and its work: what it gives is the status of the answer.
 */
export async function withWorkflowBench(
  behaviour: Behaviour,
  work: (bench: WorkflowBench) => Promise<void>,
  answer: (input: HookInput, calls: readonly HookInput[]) => number | undefined = () => undefined,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "goodput-"));
  const database = await openDatabase({ kind: "sqlite", path: ":memory:" });
  const [store, runStore] = [workflowStore(database), storeOfRuns(database)];
  const lines: Record<string, unknown>[] = [];
  const log: Logger = pino(
    { level: "debug" },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const runs = await createRuns({ store: runStore, log, dataDir });
  const engine = await ChangingEngine.start(behaviour);
  const metrics = await engineWith(CROWDED);
  const targets = createTargets();
  const agent = createAgent({
    targets,
    log,
    history: instanceStore(database),
    clock: leapingClock(),
    pollingIntervalSeconds: 0,
  });

  const calls: HookInput[] = [];
  const control = await listening(async (request, response) => {
    const input = JSON.parse(await text(request)) as HookInput;
    calls.push(input);
    const status = answer(input, calls) ?? 200;
    if (status === 200) await engine.obey(input);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(engine.config));
  });
  const hook = (event: string) =>
    ({ kind: "webhook", url: `${control.url}/${event}`, headers: {}, timeoutMs: 5000 }) as const;
  const plan: WorkflowBench["plan"] = ({ hooks, ...changes } = {}) => ({
    instanceId: INSTANCE_ID,
    metricsUrl: `${metrics.url}/metrics`,
    load: {
      url: engine.url,
      model: "scripted",
      concurrency: 4,
      requests: 60,
      warmup: 4,
      "input-tokens": 16,
      // Gaps between tokens would tell of how busy the machine is.
      "output-tokens": 1,
      "metrics-url": "off",
    },
    maxRegression: 0.1,
    apiKey: undefined,
    readyUrl: `${engine.url}/v1/models`,
    readyTimeoutMs: 5000,
    hooks: {
      read: hook("read"),
      apply: hook("apply"),
      rollback: hook("rollback"),
      rollout: undefined,
      ...hooks,
    },
    ...changes,
  });
  const deps: WorkflowsDeps = {
    store,
    agent,
    runs,
    runStore,
    plans: new Map([[INSTANCE_ID, plan()]]),
    runHook: createHookRunner({ targets, cwd: dataDir, env: {} }),
    waitUntilReady: (one, signal) => waitUntilReady(one, targets, systemClock(), signal),
    log,
  };
  const opened: { close(): Promise<void> }[] = [];
  const open: WorkflowBench["open"] = async (own = {}) => {
    const workflows = await createWorkflows({ ...deps, ...own });
    opened.push(workflows);
    return workflows;
  };
  try {
    await work({ deps, store, runStore, engine, calls, lines, plan, open });
  } finally {
    for (const workflows of opened) await workflows.close();
    await runs.close();
    await agent.close();
    await control[Symbol.asyncDispose]();
    await metrics[Symbol.asyncDispose]();
    await engine.close();
    await database.destroy();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** An engine that is started anew, on the same port, when its configuration changes. */
export class ChangingEngine {
  config: Readonly<Record<string, unknown>> = { max_batch_size: 32 };
  readonly #behaviour: Behaviour;
  #server: ScriptedServer;

  private constructor(behaviour: Behaviour, server: ScriptedServer) {
    this.#behaviour = behaviour;
    this.#server = server;
  }

  static async start(behaviour: Behaviour): Promise<ChangingEngine> {
    return new ChangingEngine(behaviour, await startScriptedServer(behaviour({ max_batch_size: 32 })));
  }

  get url(): string {
    return this.#server.url;
  }

  async obey({ event, config_changes, previous_config }: HookInput): Promise<void> {
    if (event === "apply") await this.#restart({ ...this.config, ...config_changes });
    if (event === "rollback") await this.#restart(previous_config ?? this.config);
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async #restart(config: Readonly<Record<string, unknown>>): Promise<void> {
    const { port } = new URL(this.url);
    await this.#server.close();
    this.config = config;
    this.#server = await startScriptedServer(this.#behaviour(config), Number(port));
  }
}

/** Runs that are over as they begin, one after the other as given, and the store that has them. */
export function endedRuns(
  ...given: readonly (Partial<MeasuredRun> | undefined)[]
): Pick<WorkflowsDeps, "runs" | "runStore"> & { readonly started: number[] } {
  const known = new Map<string, MeasuredRun | undefined>();
  const started: number[] = [];
  return {
    started,
    runs: {
      async start({ run }) {
        const number = started.push(started.length + 1);
        const runId = `run-${number}`;
        const pending = { ...run, id: number, runId, createdAt: "2026-03-14T09:26:53.000Z" } as MeasuredRun;
        const changes = given[number - 1];
        known.set(runId, changes && { ...pending, status: "completed", ...changes });
        return pending;
      },
      ended: async (runId) => known.get(runId),
      stop: async () => false,
      progress: () => undefined,
    },
    runStore: { find: async (runId) => known.get(runId) },
  };
}

/** What a load test measured whose first tokens came after about so long. */
export function measuredAt(ttftMs: number): Partial<MeasuredRun> {
  return {
    result: resultOf(
      planOf(),
      times(500, (i) => record(i, { ttftMs: ttftMs * (0.8 + ((i * 17) % 41) / 100) })),
    ),
  };
}

/** A workflow that waits for a decision, as `start` makes it; what a test is about is given. */
export function workflowIn(status: Workflow["status"], changes: Partial<Workflow> = {}): Workflow {
  const at = "2026-03-14T09:26:53.000Z";
  const done = (name: Stage["name"]): Stage => ({
    name,
    status: "COMPLETED",
    startedAt: at,
    completedAt: at,
  });
  return {
    workflowId: `wf-${status.toLowerCase()}`,
    type: "optimization",
    instanceId: INSTANCE_ID,
    instanceType: "vllm",
    status,
    mode: "applied",
    analysis: { source: "metrics", bottlenecks: [] },
    optimizations: [],
    change: {
      state: "not_applied",
      configChanges: { max_batch_size: 64 },
      engineArgs: [],
      previousConfig: undefined,
      restored: undefined,
    },
    beforeRunId: undefined,
    afterRunId: undefined,
    judgement: undefined,
    stages: [
      done("ANALYSIS"),
      done("RECOMMENDATION"),
      { name: "APPROVAL", status: "IN_PROGRESS", startedAt: at },
    ],
    approval: undefined,
    rejection: undefined,
    error: undefined,
    createdAt: at,
    updatedAt: at,
    ...changes,
  };
}

export function stageOf({ stages }: Workflow, name: string) {
  return stages.find((stage) => stage.name === name);
}

/** "ANALYSIS COMPLETED" and so on. */
export function stageLines({ stages }: Workflow): readonly string[] {
  return stages.map(({ name, status }) => `${name} ${status}`);
}

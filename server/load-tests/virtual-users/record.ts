import type { LevelResult } from "../../../src/index.ts";
import type { MeasuredRun, RunChanges } from "../../store/run-store.ts";
import type { RecordChanges } from "./body.ts";
import type { VirtualUserConfig } from "./request.ts";

/** A run as `/api/v1/benchmarks` tells it; one of another kind has null for what only virtual users have. */
export function recordView(run: MeasuredRun) {
  const config = run.config as Partial<VirtualUserConfig> & Edited;
  const status = STATUSES[run.status];
  return {
    id: run.id,
    run_id: run.runId,
    kind: run.kind,
    url: run.serverUrl,
    user: config.edited?.user ?? config.user ?? null,
    spawnrate: config.edited?.spawnrate ?? config.spawnrate ?? null,
    duration: config.edited?.duration ?? config.duration ?? null,
    model: run.model,
    tokenizer: config.edited?.tokenizer ?? config.tokenizer ?? null,
    dataset: config.edited?.dataset ?? config.dataset ?? null,
    notes: run.notes,
    status: config.edited?.status ?? status,
    favorite: run.favorite,
    results: { status, metrics: metricsOf(run), configuration: configurationOf(run, config) },
    ...(run.error && { error: { ...run.error } }),
    createdAt: run.createdAt,
    startedAt: run.startedAt ?? null,
    completedAt: run.completedAt ?? null,
  };
}

/** As people read them; a record keeps telling how its run ended whatever is written over its status. */
const STATUSES = {
  pending: "Test pending",
  running: "Test running",
  completed: "Test completed",
  failed: "Test failed",
  cancelled: "Test stopped",
} as const satisfies Record<MeasuredRun["status"], string>;

/** What somebody wrote over a record, beside what the run itself was asked for. */
interface Edited {
  readonly edited?: Partial<VirtualUserConfig> & { readonly status?: string };
}

/** What a change of a record means for its row; undefined when it changes nothing. */
export function changesOf(run: MeasuredRun, given: RecordChanges): RunChanges | undefined {
  const { url, model, notes, favorite, status, tokenizer, dataset, duration } = given;
  const user = given.user ?? given.users;
  const spawnrate = given.spawnrate ?? given.spawn_rate;
  const edits = {
    ...(user !== undefined && { user }),
    ...(spawnrate !== undefined && { spawnrate }),
    ...(duration !== undefined && { duration }),
    ...(tokenizer !== undefined && { tokenizer }),
    ...(dataset !== undefined && { dataset }),
    ...(status !== undefined && { status }),
  };
  const { edited = {} } = run.config as Edited;
  const changes = {
    ...(url !== undefined && { serverUrl: url }),
    ...(model !== undefined && { model }),
    ...(notes !== undefined && { notes }),
    ...(favorite !== undefined && { favorite }),
    ...(Object.keys(edits).length > 0 && { config: { ...run.config, edited: { ...edited, ...edits } } }),
  };
  return Object.keys(changes).length > 0 ? changes : undefined;
}

/** Of the one level that virtual users have; null while nothing was measured, and for runs of several levels. */
function metricsOf({ result }: MeasuredRun) {
  const [level, ...others] = result?.levels ?? [];
  if (level === undefined || others.length > 0) return null;
  const { metrics, requests } = level;
  const ended = requests.completed + requests.failed;
  return {
    time_to_first_token_ms: latencyOf(metrics.ttft),
    end_to_end_latency_ms: latencyOf(metrics.e2e),
    inter_token_latency_ms: latencyOf(metrics.itl),
    token_speed_per_user: metrics.output_throughput_per_user ?? null,
    throughput: {
      input_tokens_per_second: metrics.input_throughput ?? null,
      output_tokens_per_second: metrics.output_throughput ?? null,
      requests_per_second: metrics.request_throughput ?? null,
    },
    requests: {
      total: ended,
      successful: requests.completed,
      failed: requests.failed,
      incomplete: requests.incomplete,
      error_rate_percent: ended === 0 ? null : (100 * requests.failed) / ended,
      failures: { ...requests.failures },
    },
    tokens: { input: metrics.input_tokens ?? null, output: metrics.output_tokens ?? null },
  };
}

function latencyOf(stats: LevelResult["metrics"]["ttft"]) {
  if (stats === undefined) return null;
  const { mean, min, max, p50, p90, p95, p99, std } = stats;
  return { average: mean, minimum: min, maximum: max, median: p50, p90, p95, p99, std };
}

/** With which the figures were measured, whatever was written over the record later. */
function configurationOf({ result }: MeasuredRun, config: Partial<VirtualUserConfig>) {
  const [level] = result?.levels ?? [];
  const measured = level?.load.kind === "users" ? level.load : undefined;
  return {
    url: result?.target.url ?? null,
    model: result?.target.model ?? null,
    user: measured?.users ?? config.user ?? null,
    spawnrate: measured?.spawn_rate ?? config.spawnrate ?? null,
    duration: level?.stop.duration_seconds ?? config.duration ?? null,
    wait_min: config.wait_min ?? null,
    wait_max: config.wait_max ?? null,
    max_tokens: config.max_tokens ?? null,
    dataset: config.prompts ?? null,
    tokens_counted_by: level?.token_source === undefined ? null : TOKEN_SOURCES[level.token_source],
  };
}

const TOKEN_SOURCES = {
  usage: "server",
  chunks: "chunks of the stream",
  mixed: "server, and chunks of the stream where it told nothing",
} as const;

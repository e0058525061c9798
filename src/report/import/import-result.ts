import { GoodputError } from "../../errors.ts";
import { type LevelResult, RESULT_SCHEMA, type Result } from "../../result.ts";
import { AIPERF_PROFILE } from "./aiperf-profile.ts";
import { GUIDELLM_BENCHMARKS } from "./guidellm-benchmarks.ts";
import type { ImportedRun, ImportedTool, Importer } from "./importer.ts";
import { parseDocuments } from "./json.ts";
import { VLLM } from "./vllm-result.ts";

export interface ImportedResult {
  /** As far as the file goes; a latency may lack some of its statistics, and there are no histograms. */
  readonly result: Result;
  readonly tool: ImportedTool;
}

const IMPORTERS: readonly Importer[] = [VLLM, GUIDELLM_BENCHMARKS, AIPERF_PROFILE];

/** Whose results are read, as a sentence names them. */
export const IMPORTED_TITLES: readonly string[] = IMPORTERS.map(({ title }) => title);

/** No sweep has so many; what has was not written by these tools. */
const MOST_LEVELS = 10_000;

/**
 * Another tool's result in our words, to compare with. Its figures follow its own definitions; what each is
 * taken for here is in docs/metrics.md, "Words other tools use".
 * @returns undefined where no tool that is known here has written it.
 * @throws GoodputError RESULT_UNREADABLE when one has, and there is nothing to be had from it.
 */
export function importResult(text: string): ImportedResult | undefined {
  const documents = parseDocuments(text) ?? [];
  const importer = IMPORTERS.find(({ recognizes }) => documents.length > 0 && recognizes(documents[0]));
  if (importer === undefined) return undefined;
  const stranger = documents.findIndex((document) => !importer.recognizes(document));
  if (stranger > 0) {
    throw unreadable(
      `The first of ${documents.length} results is by ${importer.title}, but number ${stranger + 1} is not.`,
      "Give each tool's results in a file of their own.",
    );
  }
  const run = importer.read(documents);
  if (run.levels.length === 0 || run.levels.length > MOST_LEVELS) {
    throw unreadable(
      `The result by ${importer.title} holds ${run.levels.length} benchmarks.`,
      `Give a file with one to ${MOST_LEVELS}.`,
    );
  }
  return { tool: importer.tool, result: resultOf(importer, run) };
}

function resultOf({ tool, title, differences }: Importer, run: ImportedRun): Result {
  const { levels } = run;
  return {
    schema: RESULT_SCHEMA,
    generator: run.generator,
    run_id: run.runId ?? `${tool} ${run.startedAt ?? "result"}`,
    started_at: run.startedAt ?? "unknown",
    duration_seconds: levels.reduce((sum, { window }) => sum + window.seconds, 0),
    state: run.cancelled === true ? "cancelled" : "completed",
    valid: true,
    target: { url: run.url ?? "unknown", model: run.model ?? "unknown", protocol: "unknown" },
    plan: {
      // No plan of ours has it, so nothing is taken for the same configuration by accident.
      hash: `imported:${tool}`,
      seed: 0,
      input_tokens: perRequest(levels, ({ metrics }) => metrics.input_tokens),
      output_tokens: perRequest(levels, ({ metrics }) => metrics.output_tokens),
      warmup_requests: 0,
      timeout_seconds: 0,
      confidence: "none",
      objectives: [],
    },
    levels,
    findings: [],
    imported: { tool, title: run.title ?? title, differences },
    environment: { node: "unknown", platform: "unknown", cpu: "unknown", cores: 0 },
  };
}

/** Tokens of a request on average, in whole ones. */
function perRequest(
  levels: readonly LevelResult[],
  tokens: (level: LevelResult) => number | undefined,
): number {
  const known = levels.filter((level) => tokens(level) !== undefined && level.requests.completed > 0);
  const requests = known.reduce((sum, level) => sum + level.requests.completed, 0);
  return requests === 0 ? 0 : Math.round(known.reduce((sum, level) => sum + tokens(level)!, 0) / requests);
}

function unreadable(what: string, hint: string): GoodputError {
  return new GoodputError("RESULT_UNREADABLE", what, { hint });
}

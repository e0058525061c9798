import Router from "@koa/router";
import type { Dispatcher } from "undici";
import { z } from "zod";
import { EventStream } from "../../http/event-stream.ts";
import type { Operation } from "../../http/openapi/operation.ts";
import { truth } from "../../http/parameters.ts";
import { validate } from "../../http/validation.ts";
import { type EndedRunDeps, endedRun } from "../results/ended-run.ts";
import { resultView } from "../results/result-view.ts";
import { askModel, ModelError, type ModelQuestion } from "./ask-model.ts";
import { analysisQuestion, analysisReport, LANGUAGES, modelHeading } from "./report.ts";

export interface AnalysisRouteDeps extends EndedRunDeps {
  readonly targets: {
    check(url: string, field: string): Promise<void>;
    readonly dispatcher: Dispatcher;
  };
  /** Milliseconds that a model may take. */
  readonly modelTimeoutMs?: number;
}

const once = { error: "must be given once" };

export const analysisQuery = z.object({
  server_url: z.string(once).default("").meta({
    description: "Whose model is asked; the run's own server when only a model is given.",
  }),
  model: z.string(once).default("").meta({
    description:
      "Which model is asked; the run's own when only a server is given. Without both none is asked.",
  }),
  is_thinking_model: truth(z.boolean({ error: "must be true or false" }).default(false)).meta({
    description: "Whether it thinks between <think> and </think>.",
  }),
  language: z.enum(LANGUAGES, { error: `must be one of ${LANGUAGES.join(", ")}` }).default("ko"),
});

/** Whoever may read may ask, so that it must not become a load of its own. */
const MOST_ASKING = 4;

/**
 * `/api/v1/benchmark/result/:run_id/analysis`: what the figures of a run say, by rules; and what a model makes
 * of that, for those who name one: a model that nobody named is not asked, since asking is load.
 */
export function analysisRoutes(deps: AnalysisRouteDeps): Router {
  const { targets, modelTimeoutMs } = deps;
  let asking = 0;
  const router = new Router({ prefix: "/api/v1/benchmark" });
  router.get("/result/:run_id/analysis", async (ctx) => {
    const query = validate(analysisQuery, { ...ctx.query });
    const run = await endedRun(ctx, ctx.params.run_id ?? "", deps);
    if (run === undefined) return;
    const asksModel = query.server_url !== "" || query.model !== "";
    const serverUrl = query.server_url || run.serverUrl;
    if (asksModel) await targets.check(serverUrl, "server_url");
    const gone = new AbortController();
    ctx.res.once("close", () => gone.abort());

    const report = analysisReport(resultView(run), query.language);
    const stream = new EventStream(ctx);
    for (const content of report) stream.write(event({ content }));
    if (asksModel && asking >= MOST_ASKING) {
      stream.write(event({ error: "Too many models are being asked; try again later." }));
    } else if (asksModel) {
      asking++;
      await tellModel(stream, modelHeading(query.language), {
        serverUrl,
        model: query.model || run.model,
        question: analysisQuestion(report, query.language),
        isThinking: query.is_thinking_model,
        dispatcher: targets.dispatcher,
        signal: gone.signal,
        ...(modelTimeoutMs !== undefined && { timeoutMs: modelTimeoutMs }),
      }).finally(() => asking--);
    }
    stream.end("data: [DONE]\n\n");
  });
  return router;
}

/** A model that cannot be heard takes nothing away from the report before it. */
async function tellModel(stream: EventStream, heading: string, question: ModelQuestion): Promise<void> {
  try {
    let begun = false;
    for await (const said of askModel(question)) {
      if (!begun && "content" in said) {
        stream.write(event({ content: heading }));
        begun = true;
      }
      stream.write(event(said));
    }
  } catch (error) {
    const told = error instanceof ModelError ? error.message : "The model's answer could not be read.";
    stream.write(event({ error: told }));
  }
}

/** JSON has no line ends but escaped ones, so that no text can end an event or begin another. */
function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

export const analysisOperations: readonly Operation[] = [
  {
    method: "get",
    path: "/api/v1/benchmark/result/:run_id/analysis",
    summary: "Read what a run's figures say",
    description:
      "Events, each a JSON object behind `data:` with `content` (Markdown), `thinking` or `error`; `data: [DONE]` is the last.",
    tags: ["Load tests"],
    auth: "open",
    params: z.object({ run_id: z.string() }),
    query: analysisQuery,
    answers: {
      200: { description: "The report, piece by piece.", contentType: "text/event-stream" },
      202: { description: "The run is not over yet." },
      400: { description: "Mistakes in the query, or a server that may not be asked." },
      404: { description: "There is no such run." },
    },
  },
];

import type { Context } from "koa";
import { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import { validate } from "../../http/validation.ts";
import { EmbeddingError, InferenceError } from "../../inference/inference.ts";
import { abortedError } from "../generate.ts";
import type { RouteDeps } from "../model-deps.ts";
import { checkModelName } from "./request.ts";

/** `POST /v1/embeddings`: a vector for each text. */
export function embeddingsRoute(deps: RouteDeps): (ctx: Context) => Promise<void> {
  return async (ctx) => {
    const request = validate(embeddingsRequest, ctx.request.body);
    const inference = deps.models.require();
    checkModelName(inference, request.model);
    const prompts = request.input.map((text) => inference.textPrompt(text));
    const gone = new AbortController();
    if (ctx.res.closed) gone.abort();
    ctx.res.once("close", () => gone.abort());
    const vectors = await inference.embed(prompts, gone.signal).catch((error: unknown) => {
      throw gone.signal.aborted ? abortedError() : refusal(error);
    });
    const tokens = prompts.reduce((sum, prompt) => sum + prompt.tokens.length, 0);
    deps.telemetry.countEmbeddings(tokens);
    const encode = request.encoding_format === "base64" ? base64 : floats;
    ctx.body = {
      object: "list",
      data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: encode(vector) })),
      model: inference.model.name,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
  };
}

const text = z.string().min(1);

export const embeddingsRequest = z.object({
  model: z.string().nullish(),
  input: z
    .union([text, z.array(text).min(1).max(2048)], {
      error: "must be a text that is not empty, or a list of 1 to 2048 such texts",
    })
    .transform((input) => (typeof input === "string" ? [input] : input)),
  encoding_format: z.enum(["float", "base64"], { error: "must be float or base64" }).nullish(),
  dimensions: z.null({ error: "vectors of another size than the model's are not supported" }).optional(),
});

/** What a client can do something about is a 400 that names the field. */
function refusal(error: unknown): unknown {
  if (error instanceof EmbeddingError) {
    const message = `This model gives no embeddings: ${error.message}`;
    return new ApiError("VALIDATION_ERROR", message, {
      details: [{ field: "model", message }],
      cause: error,
    });
  }
  if (error instanceof InferenceError && error.code === "PROMPT_TOO_LONG") {
    const { message } = error;
    return new ApiError("CONTEXT_LENGTH_EXCEEDED", message, { details: [{ field: "input", message }] });
  }
  return error;
}

/** Little-endian 32-bit floats, as the official clients ask for. */
function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString("base64");
}

function floats(vector: Float32Array): number[] {
  return [...vector];
}

import type { Context } from "koa";
import { ApiError } from "../http/errors.ts";
import type {
  GenerationEnd,
  GenerationListener,
  GenerationRequest,
  Inference,
  TokenOdds,
} from "../inference/inference.ts";
import type { Telemetry } from "./telemetry.ts";

/** Starts a generation that is counted, and ended when the client goes away: its slot is free for the next. */
export function generate(
  ctx: Context,
  inference: Inference,
  telemetry: Telemetry,
  request: GenerationRequest,
  listener: GenerationListener,
): void {
  const generation = inference.generate(request, telemetry.watch(listener));
  if (ctx.res.closed) generation.abort();
  // Closing after the end is the normal case, in which there is nothing left to abort.
  ctx.res.once("close", () => generation.abort());
}

/** Waits for the whole text. */
export function generateWhole(
  ctx: Context,
  inference: Inference,
  telemetry: Telemetry,
  request: GenerationRequest,
): Promise<{ readonly text: string; readonly end: GenerationEnd; readonly odds: readonly TokenOdds[] }> {
  return new Promise((resolve, reject) => {
    let text = "";
    const odds: TokenOdds[] = [];
    generate(ctx, inference, telemetry, request, {
      onToken: (piece, tokens) => {
        text += piece;
        if (tokens !== undefined) odds.push(...tokens);
      },
      onEnd: (end) => {
        if (end.reason === "aborted") reject(abortedError());
        else resolve({ text, end, odds });
      },
      onError: (error) => reject(inferenceError(error)),
    });
  });
}

/** Only read when the server is the one that aborted; a client that went away sees nothing any more. */
export function abortedError(): ApiError {
  return new ApiError("SERVICE_UNAVAILABLE", "The server shut down before the answer was complete.");
}

export function inferenceError(cause: Error): ApiError {
  return new ApiError("INFERENCE_ERROR", `The model failed: ${cause.message}`, { cause });
}

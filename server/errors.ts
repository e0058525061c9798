import { InferenceError } from "./inference/inference.ts";

/** One mistake in a request. */
export interface ErrorDetail {
  readonly field: string;
  readonly message: string;
}

export type ApiErrorCode =
  | "VALIDATION_ERROR"
  | "NOT_FOUND"
  | "MODEL_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "PAYLOAD_TOO_LARGE"
  | "CONTEXT_LENGTH_EXCEEDED"
  | "QUEUE_FULL"
  | "INVALID_STATE"
  | "INFERENCE_ERROR"
  | "BENCHMARK_ERROR"
  | "METRICS_ERROR"
  | "INTERNAL_ERROR"
  | "SERVICE_UNAVAILABLE"
  | "MODEL_NOT_READY";

/** An error whose message the client may see. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly details: readonly ErrorDetail[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ApiErrorCode,
    message: string,
    options: { details?: readonly ErrorDetail[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "ApiError";
    this.code = code;
    this.status = STATUSES[code];
    this.details = options.details ?? [];
    this.headers = options.headers ?? {};
  }
}

/** Whatever was thrown, as an error for the client; the unexpected stays unexplained to it. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof InferenceError) return fromInference(error);
  const { status, type, message } = error as { status?: number; type?: string; message?: string };
  if (status === 413 || type === "entity.too.large") {
    return new ApiError("PAYLOAD_TOO_LARGE", "The request's body is too large.", { cause: error });
  }
  if (status === 400) {
    const details = [{ field: "body", message: message ?? "cannot be read" }];
    return new ApiError("VALIDATION_ERROR", `The request's body cannot be read: ${message}`, {
      details,
      cause: error,
    });
  }
  return new ApiError("INTERNAL_ERROR", "Something went wrong inside the server.", { cause: error });
}

/** The body of OpenAI's API: clients written for it look for these keys. */
export function openaiErrorBody(error: ApiError): object {
  const { message, details } = error;
  const param = details[0]?.field ?? null;
  const extra = details.length > 0 ? { details } : {};
  return { error: { message, type: openaiType(error), code: error.code.toLowerCase(), param, ...extra } };
}

/** The body of every other route. */
export function errorBody(error: ApiError, requestId: string): object {
  const { code, message, details } = error;
  return { error: { code, message, details }, timestamp: new Date().toISOString(), request_id: requestId };
}

const STATUSES: Readonly<Record<ApiErrorCode, number>> = {
  VALIDATION_ERROR: 400,
  CONTEXT_LENGTH_EXCEEDED: 400,
  NOT_FOUND: 404,
  MODEL_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  INVALID_STATE: 409,
  PAYLOAD_TOO_LARGE: 413,
  QUEUE_FULL: 429,
  INFERENCE_ERROR: 500,
  BENCHMARK_ERROR: 500,
  METRICS_ERROR: 500,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
  MODEL_NOT_READY: 503,
};

function fromInference(error: InferenceError): ApiError {
  const { code, message } = error;
  switch (code) {
    case "QUEUE_FULL":
      return new ApiError("QUEUE_FULL", message, { headers: { "Retry-After": "1" }, cause: error });
    case "CLOSING":
      return new ApiError("SERVICE_UNAVAILABLE", message, { headers: { Connection: "close" }, cause: error });
    case "PROMPT_TOO_LONG":
      return new ApiError("CONTEXT_LENGTH_EXCEEDED", message, {
        details: [{ field: "max_tokens", message }],
      });
    case "PROMPT_EMPTY":
      return new ApiError("VALIDATION_ERROR", message, { details: [{ field: "prompt", message }] });
    default:
      return code satisfies never;
  }
}

function openaiType({ status }: ApiError): string {
  if (status === 429) return "rate_limit_error";
  if (status === 503) return "unavailable_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

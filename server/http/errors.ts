import { InferenceError } from "../inference/inference.ts";
import { DatabaseError } from "../store/database-error.ts";
import { type JsonMistake, jsonMistake } from "./json-mistake.ts";

/** One mistake in a request; a body that is no JSON has the place at which it stops being that. */
export interface ErrorDetail extends Partial<JsonMistake> {
  readonly field: string;
  readonly message: string;
}

export type ApiErrorCode =
  | "VALIDATION_ERROR"
  | "URL_VALIDATION_ERROR"
  | "UNAUTHORIZED"
  | "NOT_FOUND"
  | "MODEL_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "PAYLOAD_TOO_LARGE"
  | "CONTEXT_LENGTH_EXCEEDED"
  | "QUEUE_FULL"
  | "RATE_LIMITED"
  | "INVALID_STATE"
  | "INFERENCE_ERROR"
  | "BENCHMARK_ERROR"
  | "BENCHMARK_FAILED"
  | "DATABASE_ERROR"
  | "ANALYSIS_ERROR"
  | "COLLECTION_ERROR"
  | "WORKFLOW_ERROR"
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
  /** Further fields of the error in its body. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(
    code: ApiErrorCode,
    message: string,
    options: {
      details?: readonly ErrorDetail[];
      headers?: Record<string, string>;
      more?: Record<string, unknown>;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "ApiError";
    this.code = code;
    this.status = STATUSES[code];
    this.details = options.details ?? [];
    this.headers = options.headers ?? {};
    this.more = options.more ?? {};
  }
}

/** Whatever was thrown, as an error for the client; the unexpected stays unexplained to it. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof InferenceError) return fromInference(error);
  if (error instanceof DatabaseError) return new ApiError("DATABASE_ERROR", error.message, { cause: error });
  const { status, type, body, code } = error as {
    status?: number;
    type?: string;
    body?: unknown;
    code?: unknown;
  };
  if (status === 413 || type === "entity.too.large") {
    return new ApiError("PAYLOAD_TOO_LARGE", "The request's body is too large.", { cause: error });
  }
  // What cannot be unpacked has zlib's code and no status.
  const packedWrong = typeof code === "string" && code.startsWith("Z_");
  if (packedWrong || (status !== undefined && status >= 400 && status < 500)) return unreadable(body, error);
  return new ApiError("INTERNAL_ERROR", "Something went wrong inside the server.", { cause: error });
}

/** For a body that has to be JSON and is not; says where, and repeats nothing of it. */
export function notJson(text: string, cause?: unknown): ApiError {
  const { position = 0, line = 1, column = 1 } = jsonMistake(text) ?? {};
  const message = `is not valid JSON at position ${position} (line ${line}, column ${column})`;
  const details = [{ field: "body", message, position, line, column }];
  return new ApiError("VALIDATION_ERROR", `The request's body ${message}.`, { details, cause });
}

/** The body of OpenAI's API: clients written for it look for these keys. */
export function openaiErrorBody(error: ApiError): object {
  const { message, details } = error;
  const param = details[0]?.field ?? null;
  const extra = { ...(details.length > 0 && { details }), ...error.more };
  return { error: { message, type: openaiType(error), code: error.code.toLowerCase(), param, ...extra } };
}

/** The body of every other route. */
export function errorBody(error: ApiError, requestId: string): object {
  const { code, message, details, more } = error;
  return {
    error: { code, message, details, ...more },
    timestamp: new Date().toISOString(),
    request_id: requestId,
  };
}

const STATUSES: Readonly<Record<ApiErrorCode, number>> = {
  VALIDATION_ERROR: 400,
  URL_VALIDATION_ERROR: 400,
  CONTEXT_LENGTH_EXCEEDED: 400,
  UNAUTHORIZED: 401,
  NOT_FOUND: 404,
  MODEL_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  INVALID_STATE: 409,
  PAYLOAD_TOO_LARGE: 413,
  QUEUE_FULL: 429,
  RATE_LIMITED: 429,
  INFERENCE_ERROR: 500,
  BENCHMARK_ERROR: 500,
  BENCHMARK_FAILED: 500,
  DATABASE_ERROR: 500,
  ANALYSIS_ERROR: 500,
  COLLECTION_ERROR: 500,
  WORKFLOW_ERROR: 500,
  METRICS_ERROR: 500,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
  MODEL_NOT_READY: 503,
};

function unreadable(body: unknown, cause: unknown): ApiError {
  if (typeof body === "string" && jsonMistake(body) !== undefined) return notJson(body, cause);
  const { message = "" } = cause as { message?: string };
  const reason = message.startsWith("invalid JSON")
    ? "must be a JSON object or a list"
    : `cannot be read: ${message}`;
  return new ApiError("VALIDATION_ERROR", `The request's body ${reason}.`, {
    details: [{ field: "body", message: reason }],
    cause,
  });
}

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
    case "TEMPLATE_REFUSES":
      return new ApiError("VALIDATION_ERROR", message, {
        details: [{ field: "messages", message }],
        cause: error,
      });
    case "TOKEN_UNKNOWN":
      return new ApiError("VALIDATION_ERROR", message, { details: [{ field: "logit_bias", message }] });
    case "PROMPT_EMPTY":
      return new ApiError("VALIDATION_ERROR", message, { details: [{ field: "prompt", message }] });
    default:
      return code satisfies never;
  }
}

function openaiType({ status }: ApiError): string {
  if (status === 429) return "rate_limit_error";
  if (status === 401) return "authentication_error";
  if (status === 503) return "unavailable_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** Reading JSON that a server made, and that may hold anything. */
export type Json = Readonly<Record<string, unknown>>;

/** @throws SyntaxError when it is not JSON, or not an object. */
export function parseObject(text: string): Json {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new SyntaxError("an event of the stream is not an object");
  return value;
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** A text that holds something. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

export function tokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** Token counts under whatever names the server has for them; undefined where it tells none. */
export function usageFrom(
  input: unknown,
  output: unknown,
  cached?: unknown,
):
  | { readonly inputTokens?: number; readonly cachedTokens?: number; readonly outputTokens?: number }
  | undefined {
  const inputTokens = tokenCount(input);
  const cachedTokens = tokenCount(cached);
  const outputTokens = tokenCount(output);
  if (inputTokens === undefined && cachedTokens === undefined && outputTokens === undefined) return undefined;
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(cachedTokens !== undefined && { cachedTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
  };
}

/** The message of `{"error": {"message": …}}` and of its variations. */
export function errorText(error: unknown): string {
  if (typeof error === "string") return error;
  if (isObject(error) && typeof error.message === "string") return error.message;
  return JSON.stringify(error);
}

/** What an object with an `error` says; undefined where it has none. */
export function reportedError(
  event: Json,
): { readonly output: false; readonly finished: false; readonly error: string } | undefined {
  const { error } = event;
  if (error !== undefined && error !== null)
    return { output: false, finished: false, error: errorText(error) };
  // Older vLLM has the error's fields in the event itself.
  if (event.object === "error") return { output: false, finished: false, error: errorText(event) };
  return undefined;
}

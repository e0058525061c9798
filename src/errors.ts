/**
 * An error that stops a run before or instead of a result.
 * `code` is for machines, the message is one sentence for people, `hint` says what to do next.
 * What goes wrong within one request is not an error but a record.
 */
export class GoodputError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "GoodputError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** Everything that can stop a run; the front doors map these to exit codes and conclusions. */
export type ErrorCode =
  | "CONFIG_INVALID"
  | "TARGET_UNREACHABLE"
  | "CANCELLED"
  | "OUTPUT_UNWRITABLE"
  | "RESULT_UNREADABLE";

/** One mistake in what the user gave. */
export interface Mistake {
  /** The name the user knows: `--concurrency`, `slo[1]`, `goodput.yaml: rate`. */
  readonly field: string;
  /** What was given, as text; absent when the mistake is that nothing was. */
  readonly value?: string;
  /** What is wrong and what would be right. */
  readonly message: string;
}

/** All mistakes of one configuration at once. */
export class ConfigError extends GoodputError {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super("CONFIG_INVALID", mistakes.map(describeMistake).join("\n"));
    this.name = "ConfigError";
    this.mistakes = mistakes;
  }
}

function describeMistake({ field, value, message }: Mistake): string {
  return value === undefined ? `${field}: ${message}` : `${field}: ${JSON.stringify(value)} ${message}`;
}

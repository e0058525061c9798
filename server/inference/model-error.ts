/**
 * A model that cannot be used: `code` for machines, the message is one sentence for people,
 * `hint` says what to do next.
 */
export class ModelError extends Error {
  readonly code: ModelErrorCode;
  readonly hint: string | undefined;

  constructor(code: ModelErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "ModelError";
    this.code = code;
    this.hint = options.hint;
  }
}

export type ModelErrorCode =
  | "MODEL_NOT_FOUND"
  | "MODEL_CORRUPT"
  | "MODEL_UNSUPPORTED"
  | "MODEL_DOWNLOAD_FAILED"
  | "RUNTIME_MISSING"
  | "OUT_OF_MEMORY";

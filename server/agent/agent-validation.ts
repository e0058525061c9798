import type { z } from "zod";
import { ApiError } from "../http/errors.ts";

/** One thing that is wrong with a request. */
interface Mistake {
  readonly field: string;
  readonly message: string;
  readonly allowed_values?: readonly unknown[];
}

/**
 * What a schema makes of a value, or a 400. Where a value is none of a closed set, `details` is an object with
 * that field and what is allowed, as this API's reference prints it, and has all mistakes as `mistakes`.
 */
export function validateAgent<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.map((issue): Mistake => {
    const field = issue.path.length === 0 ? "body" : issue.path.map(String).join(".");
    const { message } = issue;
    return issue.code === "invalid_value"
      ? { field, message, allowed_values: issue.values }
      : { field, message };
  });
  const message = mistakes
    .map(({ field, message, allowed_values }) =>
      allowed_values ? `Invalid ${field}` : `${field}: ${message}`,
    )
    .join("; ");
  const closed = mistakes.find(({ allowed_values }) => allowed_values !== undefined);
  if (closed === undefined) throw new ApiError("VALIDATION_ERROR", message, { details: mistakes });
  throw new ApiError("VALIDATION_ERROR", message, { more: { details: { ...closed, mistakes } } });
}

import type { z } from "zod";
import { ApiError } from "./errors.ts";

/** What a schema makes of a value, or a 400 that names every mistake at once. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details = result.error.issues.map(({ path, message }) => ({
    field: path.length === 0 ? "body" : path.map(String).join("."),
    message,
  }));
  const message = details.map((detail) => `${detail.field}: ${detail.message}`).join("; ");
  throw new ApiError("VALIDATION_ERROR", message, { details });
}

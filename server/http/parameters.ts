import type { Context } from "koa";
import { z } from "zod";
import { ApiError, notJson } from "./errors.ts";

/** What a request says in its query and its body together; where both name something, the body's holds. */
export function parameters(ctx: Context): object {
  const { body, rawBody } = ctx.request;
  // Clients that name no content type, as curl -d does, send JSON under the name of a form.
  const unlabelled = ctx.is("json") === false && rawBody?.trimStart().startsWith("{") === true;
  const given = unlabelled ? parseJson(rawBody ?? "") : (body ?? {});
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const message = "must be a JSON object or a form";
    throw new ApiError("VALIDATION_ERROR", `The body ${message}.`, { details: [{ field: "body", message }] });
  }
  return { ...ctx.query, ...given };
}

/** Forms and queries have only text, so a number may come as one, but nothing like "10x". */
export function numeric<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess(
    (value) => (typeof value === "string" && NUMBER.test(value) ? Number(value) : value),
    schema,
  );
}

/** A truth value may come as a text for the same reason: as people write it, or as a form's checkbox does. */
export function truth<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess(
    (value) => (typeof value === "string" ? (TRUTHS.get(value.toLowerCase()) ?? value) : value),
    schema,
  );
}

const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["off", false],
]);
const NUMBER = /^-?\d+(\.\d+)?$/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notJson(text, cause);
  }
}

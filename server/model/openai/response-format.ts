import { z } from "zod";
import { jsonGrammar, SchemaError } from "../../inference/json-grammar.ts";

/** The grammar that a chat's `response_format` asks for; undefined where any text will do. */
export const responseFormat = z
  .discriminatedUnion(
    "type",
    [
      z.object({ type: z.literal("text") }),
      z.object({ type: z.literal("json_object") }),
      z.object({
        type: z.literal("json_schema"),
        json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }),
      }),
    ],
    { error: "must be of the type text, json_object or json_schema" },
  )
  .transform((format, context): string | undefined => {
    if (format.type === "text") return undefined;
    try {
      return jsonGrammar(format.type === "json_schema" ? format.json_schema.schema : undefined);
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });

import * as z from "zod/mini";
import { resultShape } from "./result-shape.ts";

/** Of result.json, as JSON Schema (draft 2020-12). Fields may be added within a version, so more is allowed. */
export function resultSchema(): object {
  return { title: "Goodput result, version 1", ...z.toJSONSchema(resultShape) };
}

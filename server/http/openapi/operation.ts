import type { ZodObject, ZodType } from "zod";

/** One route as the OpenAPI document tells of it; each file of routes exports its own. */
export interface Operation {
  readonly method: "get" | "post" | "put" | "delete";
  /** As the router has it, from the root and without a slash at its end: `/api/v1/benchmark/run/:run_id`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  /** Which credential opens it where one is configured; "open" when left out. */
  readonly auth?: "key" | "basic" | "open";
  /** Path parameters; those that are not named are texts. */
  readonly params?: ZodObject;
  readonly query?: ZodObject;
  readonly body?: ZodType;
  /** "any": the body may come as JSON, as a form or in the query; JSON alone when left out. */
  readonly bodyAs?: "json" | "any";
  /** Without a body its defaults hold. */
  readonly bodyOptional?: boolean;
  /** A request as somebody would send it. */
  readonly example?: unknown;
  readonly answers: Readonly<Record<number, OperationAnswer>>;
}

export interface OperationAnswer {
  readonly description: string;
  readonly schema?: ZodType;
  /** application/json when left out. */
  readonly contentType?: string;
}

import { z } from "zod";
import { protectionOf } from "../auth.ts";
import { isLimited } from "../rate-limit.ts";
import type { Operation, OperationAnswer } from "./operation.ts";
import { SchemaWriter } from "./schemas.ts";

export interface DocumentOptions {
  readonly version: string;
  /** Which credentials are configured; what nobody needs is not asked for. */
  readonly apiKey: boolean;
  readonly basicAuth: boolean;
  readonly rateLimit: boolean;
}

/** The OpenAPI 3.1 document of these operations. */
export function openapiDocument(operations: readonly Operation[], options: DocumentOptions): object {
  const writer = new SchemaWriter();
  const paths: Record<string, Record<string, object>> = {};
  for (const told of operations) {
    const operation = { ...told, path: templateOf(told.path) };
    const { path, method } = operation;
    if (paths[path]?.[method] !== undefined) throw new Error(`${method} ${path} is told of twice.`);
    paths[path] = { ...paths[path], [method]: operationObject(operation, writer, options) };
  }
  const tags = [...new Set(operations.flatMap(({ tags }) => tags))].map((name) => ({ name }));
  const securitySchemes = schemesOf(options);
  return {
    openapi: "3.1.0",
    info: {
      title: "Goodput",
      version: options.version,
      summary: "Load tests of LLM services, and a model to serve.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags,
    paths,
    components: {
      schemas: writer.components,
      ...(Object.keys(securitySchemes).length > 0 && { securitySchemes }),
    },
  };
}

/** `/run/:id` as OpenAPI writes it. */
export function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

/** The body of every error but those of OpenAI's API. */
export const errorAnswer = z
  .object({
    error: z.object({
      code: z.string().meta({ description: "For programs: VALIDATION_ERROR, NOT_FOUND, …" }),
      message: z.string().meta({ description: "For people." }),
      details: z
        .array(z.looseObject({ field: z.string(), message: z.string() }))
        .meta({ description: "All mistakes of the request, one each." }),
    }),
    timestamp: z.string().meta({ description: "ISO 8601, UTC." }),
    request_id: z.string().meta({ description: "As in X-Request-ID." }),
  })
  .meta({ id: "Error" });

export const openaiErrorAnswer = z
  .object({
    error: z.looseObject({
      message: z.string(),
      type: z.string(),
      code: z.string(),
      param: z.string().nullable(),
    }),
  })
  .meta({ id: "OpenAIError" });

function operationObject(operation: Operation, writer: SchemaWriter, options: DocumentOptions): object {
  const { method, path, summary, description, tags, query, body, bodyAs = "json", example } = operation;
  const parameters = [...pathParameters(operation, writer), ...queryParameters(query, writer)];
  const security = securityOf(operation, options);
  return {
    operationId: operationId(method, path),
    summary,
    ...(description !== undefined && { description }),
    tags,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: bodyAs === "json" && operation.bodyOptional !== true,
        content: contentOf(writer.write(body, "input"), bodyAs, example),
      },
    }),
    responses: responsesOf(operation, security.length > 0, writer, options),
    // An empty list says that there is none, where leaving it out would say nothing.
    security,
  };
}

function contentOf(schema: object, bodyAs: "json" | "any", example: unknown): object {
  const media = { schema, ...(example !== undefined && { example }) };
  return {
    "application/json": media,
    ...(bodyAs === "any" && { "application/x-www-form-urlencoded": { schema } }),
  };
}

/** `getApiV1BenchmarkRunByRunId`: stays what it is as long as method and path do. */
function operationId(method: string, path: string): string {
  const words = path
    .replace(/\{(\w+)\}/g, "by_$1")
    .split(/\W|_/)
    .filter((word) => word !== "");
  const named = words.map((word) => word[0]!.toUpperCase() + word.slice(1));
  return method + (named.join("") || "Root");
}

function pathParameters({ path, params }: Operation, writer: SchemaWriter): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    const schema = (params?.shape as Record<string, z.ZodType> | undefined)?.[name!] ?? z.string();
    return { name, in: "path", required: true, ...described(writer.write(schema, "input")) };
  });
}

function queryParameters(query: Operation["query"], writer: SchemaWriter): object[] {
  if (query === undefined) return [];
  return Object.entries(query.shape as Record<string, z.ZodType>).map(([name, schema]) => ({
    name,
    in: "query",
    ...(!schema.safeParse(undefined).success && { required: true }),
    ...described(writer.write(schema, "input")),
  }));
}

/** A parameter's description stands beside its schema. */
function described({ description, ...schema }: Readonly<Record<string, unknown>>): object {
  return { ...(description !== undefined && { description }), schema };
}

function responsesOf(
  operation: Operation,
  secured: boolean,
  writer: SchemaWriter,
  { rateLimit }: DocumentOptions,
): Record<string, object> {
  const {
    path,
    answers: { 401: _, ...answers },
  } = operation;
  const all: Record<string, OperationAnswer> = {
    ...(secured && { 401: { description: "A credential is missing or wrong." } }),
    ...(rateLimit && isLimited(path) && { 429: { description: "Too many requests; see Retry-After." } }),
    ...answers,
    default: { description: "Anything else that is wrong." },
  };
  return Object.fromEntries(
    Object.entries(all).map(([status, answer]) => [status, responseOf(status, path, answer, writer)]),
  );
}

function responseOf(
  status: string,
  path: string,
  { description, schema, contentType = "application/json" }: OperationAnswer,
  writer: SchemaWriter,
): object {
  const isError = status === "default" || Number(status) >= 400;
  const errorSchema = path.startsWith("/v1/") ? openaiErrorAnswer : errorAnswer;
  const told = schema ?? (isError ? errorSchema : undefined);
  if (told === undefined && contentType === "application/json") return { description };
  const written = told === undefined ? { type: "string" } : writer.write(told, "output");
  return { description, content: { [contentType]: { schema: written } } };
}

function schemesOf({ apiKey, basicAuth }: DocumentOptions): Record<string, object> {
  return {
    ...(apiKey && {
      apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
      bearer: { type: "http", scheme: "bearer", description: "The API key." },
    }),
    ...(basicAuth && { basic: { type: "http", scheme: "basic" } }),
  };
}

/** As the server will ask: any of the configured credentials opens what one of them protects. */
function securityOf({ method, path }: Operation, options: DocumentOptions): object[] {
  const needs = protectionOf(method, path);
  const closed = (needs.key && options.apiKey) || (needs.basic && options.basicAuth);
  return closed ? Object.keys(schemesOf(options)).map((name) => ({ [name]: [] })) : [];
}

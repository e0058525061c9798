import { z } from "zod";
import { ApiError } from "../../http/errors.ts";
import type { Inference, Tool } from "../../inference/inference.ts";
import { SchemaError } from "../../inference/json-grammar.ts";
import { toolCallGrammar } from "../../inference/tool-call-grammar.ts";
import { ToolCallReader } from "../../inference/tool-call-reader.ts";

const MOST_TOOLS = 128;

const tool = z.object({
  type: z.literal("function", { error: "only functions are supported" }),
  function: z.object({
    name: z.string().regex(/^[\w-]{1,64}$/, { error: "must be 1 to 64 letters, digits, _ or -" }),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown(), { error: "must be a JSON schema" }).nullish(),
    strict: z.boolean().nullish(),
  }),
});

/** The fields of a request that say what may be called. */
export const toolFields = {
  tools: z.array(tool).max(MOST_TOOLS).nullish(),
  tool_choice: z
    .union(
      [
        z.enum(["none", "auto", "required"]),
        z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
      ],
      { error: "must be none, auto, required or a function's name in an object of the type function" },
    )
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(z.never()).max(0, { error: "is replaced by tools" }).nullish(),
  function_call: z.literal("none", { error: "is replaced by tool_choice" }).nullish(),
};

const toolRequest = z.object(toolFields);
type ToolRequest = z.output<typeof toolRequest>;

/** What is wrong with the fields together. */
export function checkTools(
  { tools, tool_choice: choice }: ToolRequest,
  issue: (path: string, message: string) => void,
): void {
  const names = (tools ?? []).map((one) => one.function.name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) issue("tools", `has two functions with the name ${twice}`);
  if (choice === "required" && names.length === 0)
    issue("tool_choice", "requires a call, but there are no tools");
  if (typeof choice === "object" && choice !== null && !names.includes(choice.function.name)) {
    issue("tool_choice", `names ${JSON.stringify(choice.function.name)}, which is none of the tools`);
  }
}

/** What an answer may call and how its text is to be read. */
export interface ToolUse {
  /** What the model is told of. */
  readonly tools: readonly Tool[];
  /** The answer's grammar where it has to be a call. */
  readonly grammar: string | undefined;
  /** Ends the answer after its first call. */
  readonly stop: readonly string[];
  /** Undefined where any answer is only a text. */
  readonly newReader: (() => ToolCallReader) | undefined;
}

export function toolUse(inference: Inference, request: ToolRequest): ToolUse {
  const choice = request.tool_choice ?? "auto";
  const tools = (request.tools ?? []).map((one): Tool => {
    const { name, description, parameters } = one.function;
    return { name, description: description ?? undefined, parameters: parameters ?? undefined };
  });
  if (tools.length === 0 || choice === "none") {
    return { tools: [], grammar: undefined, stop: [], newReader: undefined };
  }
  if (!inference.model.tools) {
    throw refused("this model's chat template has no tools, or calls of a form that is not known here");
  }
  const only = typeof choice === "object" ? tools.filter((one) => one.name === choice.function.name) : tools;
  // A named function is called once, and the built-in model would call on and on: it knows no end.
  const once = typeof choice === "object" || (choice === "required" && inference.model.builtIn);
  const several = !once && request.parallel_tool_calls !== false;
  const names = tools.map((one) => one.name);
  return {
    tools,
    grammar: choice === "auto" ? undefined : grammarOf(only, several),
    stop: choice === "auto" && !several ? ["</tool_call>"] : [],
    newReader: () =>
      new ToolCallReader(names, { most: several ? undefined : 1, onlyCalls: choice !== "auto" }),
  };
}

function grammarOf(tools: readonly Tool[], several: boolean): string {
  try {
    return toolCallGrammar(tools, several);
  } catch (error) {
    if (error instanceof SchemaError) throw refused(error.message);
    throw error;
  }
}

function refused(message: string): ApiError {
  return new ApiError("VALIDATION_ERROR", `tools: ${message}`, { details: [{ field: "tools", message }] });
}

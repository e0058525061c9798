import type { LlamaModel, Token } from "node-llama-cpp";
import { spellingsOf, TextGuard } from "./guarded-text.ts";
import { type ChatMessage, InferenceError, type Tool } from "./inference.ts";

/**
 * Renders chats that have tools with a template that knows of them. Only templates that write a call as
 * `<tool_call>{"name": …, "arguments": …}</tool_call>`, as Qwen's and Hermes' do, are taken: a model writes its
 * calls the way it is shown them, and that way must be one that can be read.
 */
export class ToolPrompts {
  readonly #model: LlamaModel;
  readonly #render: Render;
  /** Of the tokens that no text may contain. */
  readonly #control: RegExp;
  /** And of those that only the model's own answers may contain, such as the one that begins a call. */
  readonly #special: RegExp;

  private constructor(model: LlamaModel, render: Render) {
    const { tokens = [], token_type = [] } = model.fileInfo.metadata.tokenizer?.ggml ?? {};
    const ofTypes = (types: readonly number[]) =>
      spellingsOf(tokens.filter((_, id) => types.includes(token_type[id]!)));
    this.#model = model;
    this.#render = render;
    this.#control = ofTypes([UNKNOWN, CONTROL]);
    this.#special = ofTypes([UNKNOWN, CONTROL, USER_DEFINED]);
  }

  /** Undefined for a template without tools, or with another way to write their calls. */
  static async of(model: LlamaModel, template: string): Promise<ToolPrompts | undefined> {
    // It comes with node-llama-cpp.
    const { Template } = await import("@huggingface/jinja");
    try {
      const compiled = new Template(template);
      const { bosString, eosString } = model.tokens;
      const render: Render = (messages, tools) =>
        compiled.render({
          messages,
          ...(tools.length > 0 ? { tools } : {}),
          add_generation_prompt: true,
          bos_token: bosString ?? "",
          eos_token: eosString ?? "",
        });
      return knowsTools(render) ? new ToolPrompts(model, render) : undefined;
    } catch {
      // Chats without tools have a renderer that can do more.
      return undefined;
    }
  }

  tokens(messages: readonly ChatMessage[], tools: readonly Tool[]): Token[] {
    const guard = new TextGuard(JSON.stringify([messages, tools]));
    const special = (value: unknown) => guard.guardValue(value, this.#special);
    const guarded = messages.map((message) => {
      if (message.role !== "assistant") return special(openaiMessage(message));
      const { content, ...rest } = openaiMessage(message);
      return { ...(special(rest) as object), content: guard.guard(String(content), this.#control) };
    });
    let rendered: string;
    try {
      rendered = this.#render(guarded, special(tools.map(openaiTool)) as unknown[]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InferenceError(
        "TEMPLATE_REFUSES",
        `The model's chat template refuses these messages: ${reason}`,
      );
    }
    return guard
      .pieces(rendered)
      .flatMap((piece, index) =>
        this.#model.tokenize(piece, true, index === 0 ? undefined : "trimLeadingSpace"),
      );
  }
}

type Render = (messages: readonly unknown[], tools: readonly unknown[]) => string;

/** `tokenizer.ggml.token_type` of GGUF. */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

function openaiMessage(message: ChatMessage): Record<string, unknown> {
  const { role, content } = message;
  if (role === "tool") return { role, content, tool_call_id: message.toolCallId };
  if (role !== "assistant" || message.toolCalls === undefined) return { role, content };
  const tool_calls = message.toolCalls.map(({ id, name, arguments: given }) => ({
    id,
    type: "function",
    function: { name, arguments: given },
  }));
  return { role, content, tool_calls };
}

function openaiTool({ name, description, parameters }: Tool): object {
  return {
    type: "function",
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: parameters ?? { type: "object", properties: {} },
    },
  };
}

/** Tries it: a tool must be in the prompt, a call in the form that can be read, and its result as well. */
function knowsTools(render: Render): boolean {
  const tool = openaiTool({ name: "probed_tool", description: "probed_description" });
  const call = { id: "call_1", name: "probed_tool", arguments: { probed_argument: "probed_value" } };
  const text = render(
    [
      { role: "user", content: "question" },
      openaiMessage({ role: "assistant", content: "", toolCalls: [call] }),
      openaiMessage({ role: "tool", content: "probed_result", toolCallId: "call_1" }),
    ],
    [tool],
  );
  const written =
    /<tool_call>\s*\{\s*"name":\s*"probed_tool",\s*"arguments":\s*\{\s*"probed_argument":\s*"probed_value"\s*\}\s*\}\s*<\/tool_call>/;
  return text.includes("probed_description") && text.includes("probed_result") && written.test(text);
}

import type { ChatHistoryItem, ChatWrapper, LlamaModel } from "node-llama-cpp";
import { type ChatMessage, InferenceError, type Tool } from "./inference.ts";
import { ToolPrompts } from "./tool-prompt.ts";

/**
 * Renders chats with the model's own template. The wrapper keeps the template's text and the users' text apart,
 * so that a control token somebody typed is tokenized as the letters it is made of.
 */
export class ChatPrompts {
  readonly #model: LlamaModel;
  readonly #wrapper: ChatWrapper;
  readonly #toolPrompts: ToolPrompts | undefined;

  private constructor(model: LlamaModel, wrapper: ChatWrapper, toolPrompts?: ToolPrompts) {
    this.#model = model;
    this.#wrapper = wrapper;
    this.#toolPrompts = toolPrompts;
  }

  static async of(model: LlamaModel): Promise<ChatPrompts> {
    const { JinjaTemplateChatWrapper, resolveChatWrapper } = await import("node-llama-cpp");
    const template = model.fileInfo.metadata.tokenizer?.chat_template;
    if (template === undefined) return new ChatPrompts(model, resolveChatWrapper(model));
    const { tokenizer } = model;
    return new ChatPrompts(
      model,
      // What it would find out about tools is of no use here.
      new JinjaTemplateChatWrapper({
        template,
        tokenizer,
        reasoning: null,
        functionCallMessageTemplate: "noJinja",
      }),
      await ToolPrompts.of(model, template),
    );
  }

  /** Whether the template knows of tools and of calls in a form that can be read. */
  get tools(): boolean {
    return this.#toolPrompts !== undefined;
  }

  tokens(messages: readonly ChatMessage[], tools: readonly Tool[]): number[] {
    if (tools.length > 0 || messages.some(isAboutTools)) {
      if (this.#toolPrompts !== undefined) return this.#toolPrompts.tokens(messages, tools);
      throw new InferenceError("TEMPLATE_REFUSES", "This model's chat template knows nothing of tools.");
    }
    const chatHistory: ChatHistoryItem[] = [...messages.map(historyItem), { type: "model", response: [] }];
    const { contextText } = this.#wrapper.generateContextState({ chatHistory });
    return contextText.tokenize(this.#model.tokenizer);
  }
}

function isAboutTools(message: ChatMessage): boolean {
  return message.role === "tool" || (message.role === "assistant" && message.toolCalls !== undefined);
}

function historyItem(message: ChatMessage): ChatHistoryItem {
  const { role, content } = message;
  if (role === "assistant") return { type: "model", response: [content] };
  return { type: role === "system" ? role : "user", text: content };
}

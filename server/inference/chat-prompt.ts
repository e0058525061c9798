import type { ChatHistoryItem, ChatWrapper, LlamaModel } from "node-llama-cpp";
import type { ChatMessage } from "./inference.ts";

/**
 * Renders chats with the model's own template. The wrapper keeps the template's text and the users' text apart,
 * so that a control token somebody typed is tokenized as the letters it is made of.
 */
export class ChatPrompts {
  readonly #model: LlamaModel;
  readonly #wrapper: ChatWrapper;

  constructor(model: LlamaModel, wrapper: ChatWrapper) {
    this.#model = model;
    this.#wrapper = wrapper;
  }

  static async of(model: LlamaModel): Promise<ChatPrompts> {
    const { JinjaTemplateChatWrapper, resolveChatWrapper } = await import("node-llama-cpp");
    const template = model.fileInfo.metadata.tokenizer?.chat_template;
    if (template === undefined) return new ChatPrompts(model, resolveChatWrapper(model));
    const { tokenizer } = model;
    return new ChatPrompts(model, new JinjaTemplateChatWrapper({ template, tokenizer, reasoning: null }));
  }

  tokens(messages: readonly ChatMessage[]): number[] {
    const chatHistory: ChatHistoryItem[] = [...messages.map(historyItem), { type: "model", response: [] }];
    const { contextText } = this.#wrapper.generateContextState({ chatHistory });
    return contextText.tokenize(this.#model.tokenizer);
  }
}

function historyItem({ role, content }: ChatMessage): ChatHistoryItem {
  if (role === "assistant") return { type: "model", response: [content] };
  return { type: role, text: content };
}

import type { LlamaModel, Token } from "node-llama-cpp";

/** Texts of single tokens, looked up once each: detokenizing costs more than all else done per token. */
export class TokenTexts {
  readonly #model: LlamaModel;
  readonly #texts = new Map<Token, string>();

  constructor(model: LlamaModel) {
    this.#model = model;
  }

  /** `previous` matters to tokenizers that drop the space before a text's first word. */
  of(token: Token, previous: readonly Token[]): string {
    let text = this.#texts.get(token);
    if (text === undefined) {
      text = this.#model.detokenize([token], false, previous);
      if (previous.length > 0) this.#texts.set(token, text);
    }
    return text;
  }

  ofSeveral(tokens: readonly Token[], previous: readonly Token[]): string {
    return this.#model.detokenize(tokens, false, previous);
  }
}

/** Turns one answer's tokens into text; a character split over several tokens comes out whole. */
export class TextStream {
  readonly #texts: TokenTexts;
  readonly #previous: Token[];
  #pending: Token[] = [];

  constructor(texts: TokenTexts, promptTokens: readonly Token[]) {
    this.#texts = texts;
    this.#previous = promptTokens.slice(-2);
  }

  push(token: Token): string {
    this.#pending.push(token);
    const alone = this.#pending.length === 1;
    const text = alone
      ? this.#texts.of(token, this.#previous)
      : this.#texts.ofSeveral(this.#pending, this.#previous);
    // U+FFFD at the end stands for the first bytes of a character; four bytes are the longest there is.
    if (text.endsWith("\ufffd") && this.#pending.length < 4) return "";
    return this.#settle(text);
  }

  flush(): string {
    return this.#pending.length === 0
      ? ""
      : this.#settle(this.#texts.ofSeveral(this.#pending, this.#previous));
  }

  #settle(text: string): string {
    this.#previous.push(...this.#pending);
    this.#previous.splice(0, this.#previous.length - 2);
    this.#pending = [];
    return text;
  }
}

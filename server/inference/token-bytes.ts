import type { LlamaModel, Token } from "node-llama-cpp";
import { fromByteAlphabet } from "./byte-pair-vocabulary.ts";

/**
 * The bytes that single tokens stand for. Turning a token into text would lose them where a token is only a part
 * of a character, so they are read from the spelling in the model's vocabulary.
 */
export class TokenBytes {
  readonly #model: LlamaModel;
  readonly #known = new Map<Token, Uint8Array>();

  constructor(model: LlamaModel) {
    this.#model = model;
  }

  of(token: Token): Uint8Array {
    let bytes = this.#known.get(token);
    if (bytes === undefined) {
      bytes = this.#read(token);
      this.#known.set(token, bytes);
    }
    return bytes;
  }

  #read(token: Token): Uint8Array {
    const { ggml } = this.#model.fileInfo.metadata.tokenizer ?? {};
    const spelling = ggml?.tokens?.[token];
    const type = ggml?.token_type?.[token];
    if (typeof spelling === "string") {
      if (type === BYTE) return Uint8Array.of(Number.parseInt(spelling.slice("<0x".length, -1), 16));
      if (type === NORMAL && ggml?.model === "gpt2") {
        const bytes = fromByteAlphabet(spelling);
        if (bytes !== undefined) return bytes;
      }
      // SentencePiece spells a space as U+2581; asked for a single token it would drop the first one.
      if (type === NORMAL && ggml?.model === "llama") return Buffer.from(spelling.replaceAll("\u2581", " "));
    }
    // Tokens of other kinds are whole characters.
    return Buffer.from(this.#model.detokenize([token], true));
  }
}

/** `tokenizer.ggml.token_type` of GGUF. */
const NORMAL = 1;
const BYTE = 6;

import type { LlamaModel, SequenceEvaluateOptions, Token, TokenBias } from "node-llama-cpp";
import type { GenerationJob } from "./generation-job.ts";
import type { GrammarFormat } from "./grammar-format.ts";
import { type GenerationRequest, InferenceError } from "./inference.ts";

/** How llama.cpp is to draw the tokens of a request. */
export class Sampling {
  readonly #model: LlamaModel;
  readonly #newBias: () => TokenBias;
  readonly #vocabularySize: number;

  private constructor(model: LlamaModel, newBias: () => TokenBias) {
    this.#model = model;
    this.#newBias = newBias;
    this.#vocabularySize = model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0;
  }

  static async of(model: LlamaModel): Promise<Sampling> {
    const { TokenBias } = await import("node-llama-cpp");
    return new Sampling(model, () => TokenBias.for(model));
  }

  /** Throws for a bias that could not have its effect. */
  check({ logitBias }: GenerationRequest): void {
    for (const token of logitBias?.keys() ?? []) {
      if (token >= this.#vocabularySize) {
        const message = `This model has no token ${token}: its tokens are 0 to ${this.#vocabularySize - 1}.`;
        throw new InferenceError("TOKEN_UNKNOWN", message);
      }
      if (this.#model.isEogToken(token as Token)) {
        const message = `Token ${token} ends this model's answers, and such a token takes no bias here.`;
        throw new InferenceError("TOKEN_UNKNOWN", message);
      }
    }
  }

  options({ request, seed, maxTokens, drawn }: GenerationJob): SequenceEvaluateOptions {
    const { temperature, topP, topK, minP, logitBias } = request;
    const options: SequenceEvaluateOptions = { temperature, topP, topK, seed, yieldEogToken: true };
    if (minP !== undefined) options.minP = minP;
    if (request.format !== undefined) {
      options.grammarEvaluationState = (request.format as GrammarFormat).begin();
    }
    if (drawn !== undefined) {
      options.repeatPenalty = {
        // Only what was generated counts, however long ago; llama.cpp's own multiplying penalty stays out of it.
        punishTokens: () => drawn,
        // Room for all of them from the start, which otherwise is made anew with each token after the 64th.
        maxPunishTokens: maxTokens,
        penalty: 1,
        presencePenalty: request.presencePenalty ?? 0,
        frequencyPenalty: request.frequencyPenalty ?? 0,
      };
    }
    if (logitBias !== undefined && logitBias.size > 0) {
      const bias = this.#newBias();
      for (const [token, logit] of logitBias) bias.set(token as Token, { logit });
      options.tokenBias = bias;
    }
    return options;
  }
}

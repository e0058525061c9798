import type { Llama, LlamaGrammar, LlamaGrammarEvaluationState, LlamaModel } from "node-llama-cpp";
import type { AnswerFormat } from "./inference.ts";

/** A grammar in llama.cpp, from which each answer begins anew. */
export class GrammarFormat implements AnswerFormat {
  readonly #grammar: LlamaGrammar;
  readonly #begin: (grammar: LlamaGrammar) => LlamaGrammarEvaluationState;

  private constructor(grammar: LlamaGrammar, begin: (grammar: LlamaGrammar) => LlamaGrammarEvaluationState) {
    this.#grammar = grammar;
    this.#begin = begin;
  }

  static async compile(llama: Llama, model: LlamaModel, text: string): Promise<GrammarFormat> {
    const { LlamaGrammarEvaluationState } = await import("node-llama-cpp");
    const begin = (grammar: LlamaGrammar) => new LlamaGrammarEvaluationState({ model, grammar });
    const compiled = new GrammarFormat(await llama.createGrammar({ grammar: text }), begin);
    // Some mistakes are found only at the first use, which should not be a running request's.
    compiled.begin();
    return compiled;
  }

  get grammar(): string {
    return this.#grammar.grammar;
  }

  begin(): LlamaGrammarEvaluationState {
    return this.#begin(this.#grammar);
  }
}

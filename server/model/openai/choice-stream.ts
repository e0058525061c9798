import { randomUUID } from "node:crypto";
import type { GenerationEnd, TokenOdds } from "../../inference/inference.ts";
import type { AnswerPiece, ToolCallReader } from "../../inference/tool-call-reader.ts";
import type { ChoiceEvents, ToolCallDelta } from "./answer.ts";

/** One choice's events: what its text, as it comes, is to the client. */
export class ChoiceStream {
  readonly #words: ChoiceEvents;
  readonly #reader: ToolCallReader | undefined;
  #opened = false;
  /** Of tokens that nothing was told of yet. */
  #odds: TokenOdds[] = [];

  constructor(words: ChoiceEvents, reader: ToolCallReader | undefined) {
    this.#words = words;
    this.#reader = reader;
  }

  push(text: string, odds: readonly TokenOdds[] | undefined): string {
    if (odds !== undefined) this.#odds.push(...odds);
    if (text === "") return "";
    return this.#reader === undefined ? this.#text(text) : this.#pieces(this.#reader.push(text));
  }

  finish(reason: GenerationEnd["reason"]): string {
    const rest = this.#reader === undefined ? "" : this.#pieces(this.#reader.flush());
    const told = finishReason(reason, this.#reader?.calls ?? 0);
    return rest + this.#opening(false) + this.#words.finish(told, this.#takeOdds());
  }

  #pieces(pieces: readonly AnswerPiece[]): string {
    return pieces
      .map((piece) => (piece.kind === "text" ? this.#text(piece.text) : this.#call(piece)))
      .join("");
  }

  #text(text: string): string {
    const opening = this.#opening(false);
    const odds = this.#takeOdds();
    if (odds !== undefined) return opening + this.#words.text(text, odds);
    return opening + this.#words.beforeText + JSON.stringify(text) + this.#words.afterText;
  }

  #call(piece: Exclude<AnswerPiece, { kind: "text" }>): string {
    const { index } = piece;
    const delta: ToolCallDelta =
      piece.kind === "call"
        ? { index, id: newCallId(), type: "function", function: { name: piece.name, arguments: "" } }
        : { index, function: { arguments: piece.json } };
    return this.#opening(true) + this.#words.toolCall(delta, this.#takeOdds());
  }

  /** The choice's first event the first time, nothing from then on. */
  #opening(withCall: boolean): string {
    if (this.#opened) return "";
    this.#opened = true;
    return withCall ? this.#words.openingOfCall : this.#words.opening;
  }

  #takeOdds(): TokenOdds[] | undefined {
    if (this.#odds.length === 0) return undefined;
    return this.#odds.splice(0);
  }
}

export function finishReason(reason: GenerationEnd["reason"], calls: number): string {
  return reason === "stop" && calls > 0 ? "tool_calls" : reason;
}

export function newCallId(): string {
  return `call_${randomUUID().replaceAll("-", "").slice(0, 24)}`;
}

import { type Random, random } from "../random.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { fitText, measureWords, WORDS } from "./words.ts";

/** What identifies a prompt: the stream and the place in it, and the turn of its conversation. */
export interface PromptId {
  readonly stream: string | number;
  readonly index: number;
  readonly turn?: number;
}

export interface PromptWriter {
  /**
   * A prompt of `tokens` tokens: common English words that no other prompt begins with, so that a prefix
   * cache cannot flatter the server. With `lead`, texts to share, it begins with those; they count as well.
   */
  write(tokens: number, id: PromptId, lead?: readonly string[]): string;
  /** A text of `tokens` tokens, the same for the same name. */
  shared(tokens: number, ...name: readonly (string | number)[]): string;
}

/** How many words a prompt begins with that are no other prompt's: three of them do for millions. */
const FIRST_WORDS = 3;

/**
 * Counts with the tokenizer where there is one, and exactly where its vocabulary allows; else takes each word
 * for a token, and what the server counts is what reports show.
 * @param salt decides on the first words of prompts and shared texts, and on nothing else; absent: the seed does.
 */
export function promptWriter(seed: number, tokenizer?: Tokenizer, salt?: string): PromptWriter {
  const { words, meanTokens } =
    tokenizer === undefined ? { words: WORDS, meanTokens: 1 } : measureWords(tokenizer);
  const order = shuffled(words, random(seed, "words"));
  const wordsFor = (tokens: number) => Math.max(1, Math.round(tokens / meanTokens));
  const word = (chance: Random) => order[chance.integer(order.length)]!;
  /** Adds words until there are so many. */
  const fill = (texts: string[], count: number, chance: Random) => {
    while (texts.length < count) texts.push(word(chance));
    return texts;
  };

  const salted = salt === undefined ? [] : ["salt", salt];
  const firstWords = (...name: readonly (string | number)[]) =>
    random(seed, ...salted, "first words", ...name);
  const shifts = new Map<string | number, readonly number[]>();
  const shiftsOf = (stream: string | number) => {
    let own = shifts.get(stream);
    if (own === undefined) {
      const chance = firstWords(stream);
      own = Array.from({ length: FIRST_WORDS }, () => chance.integer(order.length));
      shifts.set(stream, own);
    }
    return own;
  };
  /** The index in the number system of the words, so that first words differ. */
  const begin = (texts: string[], count: number, { stream, index }: PromptId) => {
    let rest = index;
    let carried = 0;
    for (const shift of shiftsOf(stream)) {
      if (texts.length >= count) return;
      carried = (carried + rest + shift) % order.length;
      rest = Math.floor(rest / order.length);
      texts.push(order[carried]!);
    }
  };

  return {
    write(tokens, id, lead = []) {
      const chance = random(seed, "prompt", id.stream, id.index, id.turn ?? 0);
      const texts = lead.flatMap((text) => text.split(" "));
      const count = wordsFor(tokens);
      if (!id.turn) begin(texts, count, id);
      fill(texts, count, chance);
      if (tokenizer !== undefined) return fitText(texts, tokens, tokenizer, () => word(chance));
      // What is shared may be more than there is room for.
      if (texts.length > tokens) texts.length = tokens;
      return texts.join(" ");
    },
    shared(tokens, ...name) {
      const texts = fill([], wordsFor(tokens), random(seed, ...name));
      if (salt !== undefined) {
        const first = Math.min(FIRST_WORDS, texts.length);
        texts.splice(0, first, ...fill([], first, firstWords(...name)));
      }
      return texts.join(" ");
    },
  };
}

/** Fisher and Yates. */
export function shuffled<T>(items: readonly T[], chance: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = chance.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

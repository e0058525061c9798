import { FOLLOWERS, type Role, WORDS } from "../builtin-grammar.ts";
import { inByteAlphabet } from "../byte-pair-vocabulary.ts";

/** A model's first and last matrix, one row for each token: between them they hold the grammar. */
export interface GrammarTables {
  readonly embedding: Float32Array;
  readonly head: Float32Array;
}

/** Each word of the grammar has a dimension of its own; this one is the same for all tokens and acts as a bias. */
const BIAS_DIMENSION = 0;
/** What stands for "nothing was said yet": every token that the grammar does not know. */
const START_DIMENSION = 1;
const FIRST_WORD_DIMENSION = 2;

/** Logits of tokens that must not come: far below what any temperature in use brings back. */
const UNWANTED = -17;
/** The end is rarer still, so that a load test gets the number of tokens it asks for. */
const END = -26;

/** Tables for a state of this width: the embedding sets the word's dimension, the head reads which words may follow. */
export function grammarTables(
  tokens: readonly string[],
  controlTokens: readonly string[],
  width: number,
): GrammarTables {
  // The norm before the head scales a state of two ones to the length √width.
  const headGain = Math.sqrt(width / 2);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const words = Object.entries(WORDS).flatMap(([role, texts]) =>
    texts.map((text) => ({ role: role as Role, id: ids.get(inByteAlphabet(text))! })),
  );
  const dimensionOf = new Map(words.map(({ id }, index) => [id, FIRST_WORD_DIMENSION + index]));

  const embedding = new Float32Array(tokens.length * width);
  const head = new Float32Array(tokens.length * width);
  for (let id = 0; id < tokens.length; id++) {
    embedding[id * width + BIAS_DIMENSION] = 1;
    embedding[id * width + (dimensionOf.get(id) ?? START_DIMENSION)] = 1;
    const ends = id >= tokens.length - controlTokens.length;
    head[id * width + BIAS_DIMENSION] = (ends ? END : UNWANTED) / headGain;
  }
  const allow = (dimension: number, followers: Readonly<Partial<Record<Role, number>>>) => {
    for (const { role, id } of words) {
      const share = (followers[role] ?? 0) / WORDS[role].length;
      if (share > 0) head[id * width + dimension] = (Math.log(share) - UNWANTED) / headGain;
    }
  };
  allow(START_DIMENSION, FOLLOWERS.start);
  for (const { role, id } of words) allow(dimensionOf.get(id)!, FOLLOWERS[role]);
  // After a single line break, which ends a chat template's header, a sentence opens without a space.
  const lineBreak = FIRST_WORD_DIMENSION + words.length;
  embedding[ids.get(inByteAlphabet("\n"))! * width + START_DIMENSION] = 0;
  embedding[ids.get(inByteAlphabet("\n"))! * width + lineBreak] = 1;
  allow(lineBreak, FOLLOWERS["line break"]);
  return { embedding, head };
}

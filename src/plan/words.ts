import type { Tokenizer } from "./tokenizer.ts";

/** The commonest words of English: with a space before it, each is one token in any vocabulary that was learned from it. */
export const WORDS: readonly string[] = `
about above across add all also am an and any are around as ask at away back be been being below best better between
big both brief bring build but by call can change check city clear code come could day describe did different do does
down draw during easy end even example explain fact few five follow for four from function get give go good great had
hand has have he hello help her here high him his home house how idea if important in input into is it just keep know
language large last less let letter life light like list little live look made make man many may me mean might more
most much must my name never new not now number of off old on only open or order other out over own paragraph part
people place play please point poem problem program question quick quite really right said same say second see sentence
set she should show simple since so software something start step still stop story such system take tell test text than
thank that their them then there these they thing think this those three through time to today together too topic try
turn two under up upon us use very want was water way we week well were what when where which who why will with without
word words work world would write year yes you your
`
  .trim()
  .split(/\s+/);

/** Fewer would make prompts alike. */
const ENOUGH_WORDS = 32;

/** The words to write with: those that are one token at the beginning of a text and within it, if they are enough. */
export function measureWords({ count }: Tokenizer): {
  readonly words: readonly string[];
  readonly meanTokens: number;
} {
  const before = count("the");
  const measured = WORDS.map((word) => ({
    word,
    alone: count(word),
    within: count(`the ${word}`) - before,
  }));
  const within = measured.filter((word) => word.within === 1);
  const anywhere = within.filter((word) => word.alone === 1);
  const best = [anywhere, within, measured].find((words) => words.length >= ENOUGH_WORDS)!;
  const tokens = best.reduce((sum, word) => sum + word.within, 0);
  return { words: best.map(({ word }) => word), meanTokens: tokens / best.length };
}

/**
 * Takes words from the end or adds drawn ones until the text has `tokens` tokens. When single words overshoot,
 * every word and sign is tried as the last piece; if none fits, no text of these pieces is as long, and the
 * longest that is shorter is given (the shortest there is, if even that is longer).
 */
export function fitText(
  words: readonly string[],
  tokens: number,
  { count }: Tokenizer,
  draw: () => string,
): string {
  const kept = [...words];
  let have = count(kept.join(" "));
  while (have > tokens && kept.length > 0) {
    const perWord = have / kept.length;
    kept.length -= Math.min(kept.length, Math.max(1, Math.floor((have - tokens) / perWord)));
    have = kept.length === 0 ? 0 : count(kept.join(" "));
  }
  // From here on the text only grows, and ends when nothing more fits.
  let text = kept.join(" ");
  for (let misses = 0; have < tokens && misses < 8; ) {
    const perWord = kept.length === 0 ? 1 : Math.max(1, have / kept.length);
    const some = Math.max(1, Math.floor((tokens - have) / perWord / (misses + 1)));
    const added = Array.from({ length: some }, draw).join(" ");
    const longer = text === "" ? added : `${text} ${added}`;
    const now = count(longer);
    if (now <= tokens && now > have) [text, have] = [longer, now];
    else misses++;
  }
  return have === tokens ? text : lastPiece(text, have, tokens, count);
}

function lastPiece(text: string, have: number, tokens: number, count: Tokenizer["count"]): string {
  const spaced = [...WORDS, ..."aI"].map((word) => (text === "" ? word : ` ${word}`));
  let best = { text, have };
  let shortest = { text: spaced[0]!, have: Number.POSITIVE_INFINITY };
  // Several signs reach where words are many tokens each, as in vocabularies of letters.
  for (let round = 0; round < tokens - have; round++) {
    const start = best;
    for (const piece of [...SIGNS, ...spaced]) {
      const longer = start.text + piece;
      const now = count(longer);
      if (now === tokens) return longer;
      if (now < tokens && now > best.have) best = { text: longer, have: now };
      if (now < shortest.have) shortest = { text: longer, have: now };
    }
    if (best === start) break;
  }
  return best.text === "" ? shortest.text : best.text;
}

const SIGNS: readonly string[] = [".", ",", "?", "!", "a", "e", "s", "1"];

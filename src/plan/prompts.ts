import { random } from "../random.ts";

/**
 * A prompt of about `tokens` tokens: common English words, one token each in the vocabularies of current
 * models. Every request's words are drawn anew, from its first word on, so that a prefix cache cannot
 * flatter the server. The server's own count is what reports show.
 */
export function syntheticPrompt(
  tokens: number,
  seed: number,
  ...stream: readonly (string | number)[]
): string {
  const chance = random(seed, "prompt", ...stream);
  const words: string[] = [];
  for (let i = 0; i < tokens; i++) words.push(WORDS[chance.integer(WORDS.length)]!);
  return words.join(" ");
}

/** The commonest words of English: with a space before it, each is one token in any vocabulary that was learned from it. */
const WORDS: readonly string[] = `
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

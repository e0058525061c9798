/**
 * What the built-in model says: a grammar in which each word has one role, so that knowing only
 * the previous word is enough to go on with a sentence that reads.
 */
export const WORDS: Readonly<Record<Role, readonly string[]>> = {
  "opening determiner": ["The", "Each", "Every", "One"],
  "next opening determiner": [" The", " Each", " Every", " One", " Another", " Any"],
  "subject determiner": [" each", " some", " one", " no"],
  subject: words(
    "server model queue batch client scheduler request team worker prompt cache engine network reader router kernel",
  ),
  adverb: words("often usually always rarely quietly slowly gladly simply"),
  verb: words(
    "keeps measures answers counts fills carries shares reads follows needs moves holds finds writes meets",
  ),
  "object determiner": [" the", " its", " every", " another"],
  adjective: words("slow small first next long short whole quiet steady early late plain"),
  object: words(
    "latency answer stream window schedule budget figure line story result context rate report sentence token page promise",
  ),
  preposition: words("before after under beyond near within during"),
  "place determiner": [" a", " this", " that", " our"],
  place: words("limit deadline load minute morning release pause river weekend burst forecast summer"),
  conjunction: words("while because until unless so"),
  comma: [","],
  "comma conjunction": words("and but yet or"),
  "full stop": ["."],
  "line break": ["\n\n"],
};

/** Which roles may follow a role, and how often: the shares of one role add up to 1. */
export const FOLLOWERS: Readonly<Record<Role | "start", Readonly<Partial<Record<Role, number>>>>> = {
  start: { "next opening determiner": 1 },
  "opening determiner": { subject: 1 },
  "next opening determiner": { subject: 1 },
  "subject determiner": { subject: 1 },
  subject: { adverb: 0.25, verb: 0.75 },
  adverb: { verb: 1 },
  verb: { "object determiner": 1 },
  "object determiner": { adjective: 0.35, object: 0.65 },
  adjective: { object: 1 },
  object: { "full stop": 0.3, preposition: 0.45, conjunction: 0.15, comma: 0.1 },
  preposition: { "place determiner": 1 },
  "place determiner": { place: 1 },
  place: { "full stop": 0.65, conjunction: 0.15, comma: 0.2 },
  conjunction: { "subject determiner": 1 },
  comma: { "comma conjunction": 1 },
  "comma conjunction": { "subject determiner": 1 },
  "full stop": { "next opening determiner": 0.9, "line break": 0.1 },
  "line break": { "opening determiner": 1 },
};

/** Frequent English words: only tokens of their own, so that a prompt costs about one token a word. */
export const PROMPT_WORDS: readonly string[] = words(
  `about above across add all also am an and any are around as ask at away back be been being below best better between
  big both brief bring build but by call can change check city clear code come could day describe did different do does
  down draw during easy end even example explain fact few five follow for four from function get give go good great had
  hand has have he hello help her here high him his home house how I idea if important in input into is it just keep know
  language large last less let letter life light like list little live look made make man many may me mean might more
  most much must my name never new not now number of off old on only open or order other out over own paragraph part
  people place play please point poem problem program question quick quite really right said same say second see sentence
  set she should show simple since so software something start step still stop story such summarize system take tell
  test text than thank that their them then there these they thing think this those three through time to today together
  too topic translate try turn two under up upon us use very want was water way we week well were what when where which
  who why will with without word words work world would write year yes you your fox dog brown lazy jumps user data`,
);

export type Role =
  | "opening determiner"
  | "next opening determiner"
  | "subject determiner"
  | "subject"
  | "adverb"
  | "verb"
  | "object determiner"
  | "adjective"
  | "object"
  | "preposition"
  | "place determiner"
  | "place"
  | "conjunction"
  | "comma"
  | "comma conjunction"
  | "full stop"
  | "line break";

/** Byte-level tokenizers keep the space before a word with the word. */
function words(text: string): string[] {
  return text.split(/\s+/).map((word) => ` ${word}`);
}

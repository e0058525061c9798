/** A byte-level byte-pair encoding in the form GGUF's `gpt2` tokenizer takes it. */
export interface BytePairVocabulary {
  /** Token texts in the byte alphabet; the first 256 are the single bytes. */
  readonly tokens: readonly string[];
  /** Pairs to be joined, first come first, as "left right". */
  readonly merges: readonly string[];
}

/** Learns merges until each of the words is one token. */
export function learnVocabulary(words: readonly string[]): BytePairVocabulary {
  const tokens = [...BYTE_LETTERS];
  const merges: string[] = [];
  const open = [...new Set(words)].map((word) => [...inByteAlphabet(word)]);
  for (;;) {
    const best = mostFrequentPair(open);
    if (best === undefined) return { tokens, merges };
    const [left, right] = best;
    merges.push(`${left} ${right}`);
    tokens.push(left + right);
    for (const pieces of open) joinPair(pieces, left, right);
  }
}

/** A text as the tokenizer spells it: one printable letter per byte, a space being "Ġ". */
export function inByteAlphabet(text: string): string {
  return Array.from(Buffer.from(text), (byte) => BYTE_LETTERS[byte]!).join("");
}

/** The bytes of a token that is spelled in this alphabet; undefined for a text that is not. */
export function fromByteAlphabet(token: string): Uint8Array | undefined {
  const bytes = Array.from(token, (letter) => BYTE_OF_LETTER.get(letter));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes as number[]);
}

/** GPT-2's alphabet: printable bytes stand for themselves, the others for letters from U+0100 on. */
const BYTE_LETTERS: readonly string[] = (() => {
  let shifted = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return String.fromCodePoint(printable ? byte : shifted++);
  });
})();

const BYTE_OF_LETTER: ReadonlyMap<string, number> = new Map(
  BYTE_LETTERS.map((letter, byte) => [letter, byte]),
);

/** Of pairs that are equally frequent the one met first wins, which keeps the vocabulary reproducible. */
function mostFrequentPair(words: readonly (readonly string[])[]): [string, string] | undefined {
  const counts = new Map<string, number>();
  let best: string | undefined;
  for (const pieces of words) {
    for (let index = 1; index < pieces.length; index++) {
      const pair = `${pieces[index - 1]} ${pieces[index]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
  }
  for (const [pair, count] of counts) if (best === undefined || count > counts.get(best)!) best = pair;
  return best === undefined ? undefined : (best.split(" ") as [string, string]);
}

function joinPair(pieces: string[], left: string, right: string): void {
  for (let index = 0; index < pieces.length - 1; index++) {
    if (pieces[index] === left && pieces[index + 1] === right) pieces.splice(index, 2, left + right);
  }
}

import { createHash } from "node:crypto";

/** Hashes of blocks that are remembered; what came first goes first. */
const MOST_BLOCKS = 1_000_000;

/** Remembers how prompts began, in blocks of words, each known by all that came before it, as vLLM's prefix cache does. */
export class PrefixCache {
  readonly #blockWords: number;
  readonly #blocks = new Set<string>();

  constructor(blockWords: number) {
    this.#blockWords = blockWords;
  }

  /** How many words at the beginning were there already; from now on all whole blocks are. */
  take(words: readonly string[]): number {
    let cached = 0;
    let hit = true;
    let chain = "";
    for (let end = this.#blockWords; end <= words.length; end += this.#blockWords) {
      chain = hash(`${chain} ${words.slice(end - this.#blockWords, end).join(" ")}`);
      hit &&= this.#blocks.has(chain);
      if (hit) cached = end;
      else this.#blocks.add(chain);
    }
    for (const oldest of this.#blocks) {
      if (this.#blocks.size <= MOST_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
    return cached;
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

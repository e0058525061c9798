import { rounded } from "../../http/rounding.ts";
import type { TokenOdds } from "../../inference/inference.ts";

/** Log probabilities of tokens in the words of one of OpenAI's two completion APIs. */
export type LogprobsShape = (tokens: readonly TokenOdds[]) => object;

export function chatLogprobs(tokens: readonly TokenOdds[]): object {
  const told = ({ bytes, logProbability }: TokenOdds["likeliest"][number]) => ({
    token: tokenText(bytes, ""),
    logprob: rounded(logProbability, DIGITS),
    bytes: [...bytes],
  });
  const content = tokens.map((token) => ({ ...told(token), top_logprobs: token.likeliest.map(told) }));
  return { content, refusal: null };
}

/** Of one choice: each call goes on where the text of the last one ended. */
export function textLogprobs(): LogprobsShape {
  const decoder = new TextDecoder();
  let offset = 0;
  return (tokens) => {
    const offsets: number[] = [];
    for (const { bytes } of tokens) {
      offsets.push(offset);
      offset += [...decoder.decode(bytes, { stream: true })].length;
    }
    const withLikeliest = tokens.some((token) => token.likeliest.length > 0);
    return {
      tokens: tokens.map(({ bytes }) => tokenText(bytes, "bytes:")),
      token_logprobs: tokens.map(({ logProbability }) => rounded(logProbability, DIGITS)),
      top_logprobs: withLikeliest ? tokens.map(likeliestByText) : null,
      text_offset: offsets,
    };
  };
}

/** They come as 32-bit numbers, which have no more. */
const DIGITS = 7;

/** The drawn token is among them in any case, so there may be one more than was asked for. */
function likeliestByText(token: TokenOdds): object {
  return Object.fromEntries(
    [...token.likeliest, token].map(({ bytes, logProbability }) => [
      tokenText(bytes, "bytes:"),
      rounded(logProbability, DIGITS),
    ]),
  );
}

/** A part of a character is spelled as its bytes, after a prefix. */
function tokenText(bytes: Uint8Array, prefix: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return prefix + Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  }
}

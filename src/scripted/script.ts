import type { IncomingHttpHeaders } from "node:http";

/** How a scripted server answers. */
export interface Script {
  /** From the moment a request is being computed (at once, unless `capacity` is reached) to its first token. */
  readonly ttftMs?: number;
  /** Between chunks: the i-th is due this many times i after the first, so lateness never adds up. */
  readonly gapMs?: number;
  /** Chunks with output; by default as many as tokens were asked for. */
  readonly chunks?: number;
  readonly tokensPerChunk?: number;
  /** Requests computed at once; others wait in order. */
  readonly capacity?: number;
  /** Words per block of a prefix cache: what prompts before began with is not computed again, and takes no part of `ttftMs`. */
  readonly prefixCache?: number;
  /** Tell token counts, in a stream of OpenAI's only when asked to. */
  readonly usage?: boolean;
  /** Nothing is written for `forMs`, once, `atMs` after the first request; what was due then comes later by as much. */
  readonly stall?: { readonly atMs: number; readonly forMs: number };
  /** What to do with the n-th request (from 0) instead of answering it well. */
  readonly fault?: (request: number, headers: IncomingHttpHeaders) => Fault | undefined;
  /** Chunks that are held back and written together, as a proxy with a buffer does; from their number on, the whole answer. */
  readonly buffer?: number;
  /** Whole answers in one write, as fast as the machine can: for finding out what a client can take. */
  readonly flood?: boolean;
  /** Input tokens told are the request's number, so that a client's record can be held against what happened here. */
  readonly numbered?: boolean;
  readonly model?: string;
  /** Those spoken; all by default. */
  readonly protocols?: readonly string[];
}

export type Fault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection is destroyed after this many chunks. */
  | { readonly kind: "reset"; readonly afterChunks: number }
  /** The stream ends well-formed, without a finish, after this many chunks. */
  | { readonly kind: "truncate"; readonly afterChunks: number }
  /** An error object comes inside the stream. */
  | { readonly kind: "error_event"; readonly message: string }
  /** Nothing is ever answered. */
  | { readonly kind: "silence" }
  /** These bytes are the stream, whatever they are. */
  | { readonly kind: "raw"; readonly chunks: readonly Buffer[] };

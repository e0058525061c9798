import { plainText } from "../../../src/index.ts";

/** A hook that did not do its work; the message is for people, and holds nothing that is secret or hostile. */
export class HookError extends Error {
  /** Of a webhook that answered. */
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "HookError";
    this.status = options.status;
  }
}

/** One line of what a hook said, safe to be stored and shown. */
export function saidLine(text: string, redact: (text: string) => string, maxLength: number): string {
  // Once more at the end, for taking invisible characters out may have put a secret together.
  return redact(plainText(redact(text), maxLength));
}

/** What a hook may answer: the configuration of an engine has some hundred bytes. */
export const ANSWER_MAX_BYTES = 64 * 1024;

/** No secret is as long: read beyond a cut and cut off again when redacted, so that none stays half behind. */
export const HELD_BACK = 16 * 1024;

/** The first bytes of an answer, without secrets. */
export function answerText(pieces: readonly Uint8Array[], redact: (text: string) => string): string {
  const text = redact(firstText(Buffer.concat(pieces), ANSWER_MAX_BYTES + HELD_BACK));
  return firstText(Buffer.from(text), ANSWER_MAX_BYTES);
}

/** Without the part of a character that the cut has left. */
function firstText(bytes: Uint8Array, most: number): string {
  const cut = bytes.byteLength > most;
  return new TextDecoder().decode(bytes.subarray(0, most), { stream: cut });
}

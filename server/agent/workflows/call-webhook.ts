import { type Dispatcher, request } from "undici";
import { type Clock, isMetadataHost } from "../../../src/index.ts";
import { ANSWER_MAX_BYTES, answerText, HELD_BACK, HookError, saidLine } from "./hook-error.ts";
import type { Hook, HookInput } from "./instance-plan.ts";

export interface WebhookOptions {
  /** Connects to no metadata address and follows no redirect. */
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly redact: (text: string) => string;
}

type Webhook = Extract<Hook, { kind: "webhook" }>;

const PIECE_CHARACTERS = 300;

/**
 * Posts the event as JSON and gives the body of an answer with 2xx.
 * @throws HookError with the status of any other answer, or when none comes in time or it is interrupted.
 */
export async function callWebhook(
  { url, headers, timeoutMs }: Webhook,
  input: HookInput,
  signal: AbortSignal,
  { dispatcher, clock, redact }: WebhookOptions,
): Promise<string> {
  const { hostname, host } = new URL(url);
  // No more of its address than the host: what follows may be a secret by itself.
  const name = `The ${input.event} hook at ${saidLine(host, redact, PIECE_CHARACTERS)}`;
  if (isMetadataHost(hostname)) throw new HookError(`${name} is a metadata address, which is never asked.`);
  const tooLong = new AbortController();
  const forget = clock.alarm(clock.now() + timeoutMs * 1e6, () => tooLong.abort());
  try {
    const { statusCode, body } = await request(url, {
      method: "POST",
      dispatcher,
      headers: { ...headers, "content-type": "application/json", "user-agent": "goodput" },
      body: JSON.stringify(input),
      signal: AbortSignal.any([signal, tooLong.signal]),
      // Only the hook's own limit counts: a restart may take longer than any default.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const text = answerText(await firstOf(body), redact);
    if (statusCode >= 200 && statusCode < 300) return text;
    const redirect = statusCode >= 300 && statusCode < 400 ? ", and redirects are not followed" : "";
    const piece = saidLine(text, redact, PIECE_CHARACTERS);
    const said = piece === "" ? "." : `: ${piece}`;
    throw new HookError(`${name} answered with HTTP ${statusCode}${redirect}${said}`, { status: statusCode });
  } catch (error) {
    if (error instanceof HookError) throw error;
    if (signal.aborted) throw new HookError(`${name} was interrupted.`, { cause: error });
    if (tooLong.signal.aborted)
      throw new HookError(`${name} took longer than ${timeoutMs / 1000} s.`, { cause: error });
    const { code } = error as { code?: unknown };
    const reason = typeof code === "string" ? `: ${code}` : "";
    throw new HookError(`${name} cannot be reached${reason}.`, { cause: error });
  } finally {
    forget();
  }
}

/** Leaving the loop ends the connection, and the rest with it. */
async function firstOf(body: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    pieces.push(piece);
    bytes += piece.byteLength;
    if (bytes > ANSWER_MAX_BYTES + HELD_BACK) break;
  }
  return pieces;
}

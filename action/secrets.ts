import { setSecret } from "@actions/core";
import { plainText, redactor, SHORTEST_SECRET } from "../src/index.ts";

/** Hides the inputs' secrets in a text; before `hideSecrets` there are none to hide. */
export let redact = redactor([]);

/** From here on the runner masks these in the log, and `redact` everywhere else. */
export function hideSecrets(...secrets: readonly string[]): void {
  for (const secret of secrets) if (secret.length >= SHORTEST_SECRET) setSecret(secret);
  redact = redactor(secrets);
}

/** One line that is safe to print: no order to the runner, nothing invisible, no secret. */
export function safeLine(text: string, maxLength?: number): string {
  // Once more at the end, for taking invisible characters out may have put a secret together.
  return redact(plainText(redact(text), maxLength));
}

/** In every text of a value at once, so that no report can forget it. */
export function redactAll<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_, part: unknown) => {
    if (typeof part !== "string") return part;
    const redacted = redact(part);
    // Every report takes invisible characters out, and must not put a secret together by that.
    const shown = plainText(redacted, Number.POSITIVE_INFINITY);
    return redact(shown) === shown ? redacted : redact(shown);
  });
}

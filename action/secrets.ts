import { setSecret } from "@actions/core";
import { redactor, SHORTEST_SECRET } from "../src/index.ts";

/** Hides the inputs' secrets in a text; before `hideSecrets` there are none to hide. */
export let redact = redactor([]);

/** From here on the runner masks these in the log, and `redact` everywhere else. */
export function hideSecrets(...secrets: readonly string[]): void {
  for (const secret of secrets) if (secret.length >= SHORTEST_SECRET) setSecret(secret);
  redact = redactor(secrets);
}

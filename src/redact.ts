/** Shorter values are placeholders such as "x"; hiding them would only garble the report. */
export const SHORTEST_SECRET = 4;

/**
 * Returns what hides these secrets in a text. A service may echo its key in an error, and nothing masks
 * what goes to files or through an API.
 */
export function redactor(secrets: readonly (string | undefined)[]): (text: string) => string {
  const real = secrets
    .filter((secret) => secret !== undefined)
    .filter(({ length }) => length >= SHORTEST_SECRET);
  // Longest first, or a short spelling would leave the rest of a long one behind.
  const spellings = [...new Set(real.flatMap(spellingsOf))].sort((a, b) => b.length - a.length);
  return (text) => spellings.reduce((rest, spelling) => rest.replaceAll(spelling, "***"), text);
}

/** As it is, in JSON, in a URL, and in Base64 of both alphabets at each of the three places it can start in a longer text. */
function spellingsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const url = encodeURIComponent(secret.toWellFormed());
  const base64 = [0, 1, 2].map((offset) => base64At(secret, offset));
  return [
    secret,
    json,
    // Some writers of JSON mask the slash too, and JSON within JSON doubles every backslash.
    json.replaceAll("/", "\\/"),
    JSON.stringify(json).slice(1, -1),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()),
    new URLSearchParams([["", secret]]).toString().slice(1),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    Buffer.from(secret).toString("hex"),
  ].filter(({ length }) => length >= SHORTEST_SECRET);
}

/** Only the characters that depend on nothing but the secret: six bits each, all of them its own. */
function base64At(secret: string, offset: number): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor((bytes.length * 8) / 6);
  return bytes.toString("base64").slice(first, last);
}

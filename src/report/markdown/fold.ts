/**
 * A part that opens on a click. The blank lines matter: without them GitHub reads what is inside as HTML.
 * @param summary words of our own: what stands there is HTML to GitHub, so no text of the target may.
 */
export function folded(summary: string, body: string, open: "open" | "closed" = "closed"): string {
  if (body === "") return "";
  const tag = open === "open" ? "<details open>" : "<details>";
  return `${tag}<summary>${summary}</summary>\n\n${body}\n\n</details>`;
}

const OWN_TAGS = /^<(?:details(?: open)?|\/details|summary|\/summary|sub|\/sub)>/u;

/**
 * What is wrong with a Markdown report as GitHub reads it; empty when nothing is. It accepts what the
 * reports write and nothing wilder, so it is stricter than a renderer.
 * @param links addresses that may be linked.
 */
export function markdownMistakes(markdown: string, links: readonly string[] = []): readonly string[] {
  const mistakes: string[] = [];
  let fence: string | undefined;
  let columns: number | undefined;
  let open = 0;
  for (const line of markdown.split("\n")) {
    const wrong = (what: string) => mistakes.push(`${what}: ${line.slice(0, 120)}`);
    if (/^```/u.test(line)) {
      if (fence === undefined && line !== "```mermaid") wrong("a fence that is not ours");
      fence = fence === undefined ? line : undefined;
      continue;
    }
    if (fence !== undefined) {
      if (!/^[\u0020-\u007e]*$/u.test(line)) wrong("a chart with more than ASCII");
      continue;
    }
    if (count(line, "`") % 2 !== 0) wrong("an open code span");
    const prose = line.replaceAll(/`[^`]*`/gu, "C");
    for (const link of prose.matchAll(/(?<!\\)\[[^\]]*\]\(([^)]*)\)/gu)) {
      if (!links.includes(link[1]!)) wrong("a link that is not ours");
    }
    const text = prose.replaceAll(/(?<!\\)\[[^\]]*\]\([^)]*\)/gu, "L");
    if (/!L|(?<!\\)\[/u.test(text)) wrong("an image or an open bracket");
    if (/@\w|#\d|GH-\d|:\/\/|www\.|:\w+:|(?<!\\)\$/iu.test(text)) wrong("a mention, reference or address");
    if (/\p{Cc}|[\u202a-\u202e\u2066-\u2069\u200e\u200f]/u.test(text))
      wrong("a control or a turned direction");
    for (const { index } of text.matchAll(/</gu)) {
      if (!OWN_TAGS.test(text.slice(index))) wrong("a tag that is not ours");
    }
    open += count(text, "<details") - count(text, "</details>");
    if (open < 0 || open > 1) wrong("a fold in a fold, or one that was not open");
    if (count(text, "<sub>") !== count(text, "</sub>")) wrong("an open <sub>");
    if (/^ {0,3}(?:#|>|=+\s*$|-{3,}|\d+[.)] )/u.test(text) && !/^#{1,6} \S/u.test(text))
      wrong("another block");
    if (!text.startsWith("|")) columns = undefined;
    else {
      // A pipe parts cells inside a code span, too.
      const own = count(line.replaceAll("\\|", ""), "|");
      if (columns !== undefined && own !== columns) wrong(`${own} instead of ${columns} pipes`);
      columns ??= own;
    }
  }
  if (fence !== undefined) mistakes.push("a fence is never closed");
  if (open !== 0) mistakes.push(`${open} folds are never closed`);
  if ((markdown.match(/^#{1,6} /gmu)?.length ?? 0) > 1) mistakes.push("more than one heading");
  if (!markdown.isWellFormed()) mistakes.push("half of a surrogate pair");
  return mistakes;
}

function count(text: string, what: string): number {
  return text.split(what).length - 1;
}

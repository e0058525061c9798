const VOID_TAGS = new Set(["meta", "br"]);
/** A tag, a comment or declaration, or a `<` that is neither. */
const MARKUP =
  /<(?:(?<other>[!?][^>]*)|(?<close>\/)?(?<name>[A-Za-z][\w:-]*)(?<attributes>(?:\s+[\w:-]+="[^"<]*"|\s+open)*)\s*(?<empty>\/)?)>|</gu;

/**
 * What is wrong with the nesting and the characters of a page or an XML document; empty when nothing is.
 * It accepts what the reports write and nothing wilder, so it is stricter than a browser.
 */
export function markupMistakes(markup: string): readonly string[] {
  const mistakes: string[] = [];
  const open: string[] = [];
  for (const match of markup.matchAll(MARKUP)) {
    const { other, close, name, empty } = match.groups ?? {};
    if (other !== undefined) continue;
    if (name === undefined) mistakes.push(`a bare < at ${around(markup, match.index)}`);
    else if (close !== undefined) {
      const last = open.pop();
      if (last !== name) mistakes.push(`</${name}> closes <${last}> at ${around(markup, match.index)}`);
    } else if (empty === undefined && !VOID_TAGS.has(name)) open.push(name);
  }
  for (const name of open) mistakes.push(`<${name}> is never closed`);
  for (const match of markup.matchAll(/&(?!(?:amp|lt|gt|quot|#39);)/gu)) {
    mistakes.push(`a bare & at ${around(markup, match.index)}`);
  }
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(markup)) {
    mistakes.push("a character that XML 1.0 forbids");
  }
  return mistakes;
}

function around(text: string, index: number): string {
  return JSON.stringify(text.slice(Math.max(0, index - 30), index + 40));
}

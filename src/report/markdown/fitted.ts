/** One part of a Markdown report, complete in itself so that leaving it out breaks nothing around it. */
export interface Part {
  readonly text: string;
  /** Each takes its place in turn before it is dropped altogether. */
  readonly shorter?: readonly string[];
  /** The order in which parts go, 1 first; absent: it stays. */
  readonly drop?: number;
  /** What the reader is told was left out. */
  readonly name?: string;
}

/** The parts as one text; where it is too long, whole parts go in their fixed order and the text says which. */
export function fitted(parts: readonly Part[], maxChars = Number.POSITIVE_INFINITY): string {
  const present = parts.filter(({ text }) => text !== "");
  const shown = new Map(present.map((part) => [part, part.text]));
  const gone: string[] = [];
  const order = present.filter(({ drop }) => drop !== undefined).sort((a, b) => a.drop! - b.drop!);
  // A first round shortens what can be shorter and drops the rest; a second drops what is left.
  const steps = [
    ...order.flatMap((part) => (part.shorter ?? [""]).map((text) => ({ part, text }))),
    ...order.map((part) => ({ part, text: "" })),
  ];
  for (const { part, text } of steps) {
    if (joined(shown.values(), gone).length <= maxChars) break;
    if (text.length >= shown.get(part)!.length) continue;
    shown.set(part, text);
    if (part.name !== undefined && !gone.includes(part.name)) gone.push(part.name);
  }
  const whole = joined(shown.values(), gone);
  return whole.length <= maxChars ? whole : lastResort(present[0]?.text ?? "", maxChars);
}

function joined(texts: Iterable<string>, gone: readonly string[]): string {
  const note = gone.length === 0 ? "" : `_Left out to keep this short: ${gone.join(", ")}._`;
  return `${[...texts, note].filter((text) => text !== "").join("\n\n")}\n`;
}

/** Whole lines of the head only: they hold no fold or table that a cut could leave open. */
function lastResort(head: string, maxChars: number): string {
  let kept = "";
  for (const line of head.split("\n")) {
    if (kept.length + line.length + 1 > maxChars) break;
    kept += `${line}\n`;
  }
  return kept;
}

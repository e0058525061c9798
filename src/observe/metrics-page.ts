/** One line of a metrics page. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** A real page has lines of a few hundred characters; a longer one is not worth the memory it would take. */
const MAX_LINE = 64 * 1024;
/** Of those that are kept. */
const MAX_SAMPLES = 100_000;
const MAX_EXCERPT = 80;

/**
 * Reads Prometheus' text format, version 0.0.4, and OpenMetrics 1.0: strictly, since a figure that was
 * misread is worse than none. Comments, types, timestamps and exemplars are passed over.
 *
 * A page is read every second beside the load that is measured, so with `wanted` all other lines are
 * dropped after their name, neither checked nor kept.
 * @throws SyntaxError that names the line, or says what the page is instead.
 */
export function readMetricsPage(text: string, wanted?: (name: string) => boolean): readonly Sample[] {
  const samples: Sample[] = [];
  let number = 0;
  let ended = false;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    number++;
    if (end - start > MAX_LINE) throw new SyntaxError(`line ${number} is longer than ${MAX_LINE} characters`);
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line === "") continue;
    if (ended) throw new SyntaxError(`line ${number} comes after "# EOF"`);
    if (line.startsWith("#")) {
      ended = line === "# EOF";
      continue;
    }
    const sample = readLine(line, wanted);
    if (sample === undefined)
      throw new SyntaxError(notMetrics(text) ?? `line ${number} is no metric: ${excerpt(line)}`);
    if (sample === "unwanted") continue;
    if (samples.push(sample) > MAX_SAMPLES)
      throw new SyntaxError(`there are more than ${MAX_SAMPLES} samples`);
  }
  return samples;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
/** Prometheus 3 puts names of other characters between quotes, within the braces. */
const QUOTED_NAME = /\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*(?:,|(?=\}))/sy;
const LABEL =
  /\s*([a-zA-Z_][a-zA-Z0-9_]*|"[^"\\]*(?:\\.[^"\\]*)*")\s*=\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*(?:,|(?=\}))/sy;
const CLOSE = /\s*\}/y;
/** The value, a timestamp (in milliseconds, or in seconds in OpenMetrics), an exemplar. */
const REST = /\s*(\S+)(?:\s+[+-]?[0-9.eE+-]+)?(?:\s+#\s*\{.*)?$/sy;

function readLine(line: string, wanted?: (name: string) => boolean): Sample | "unwanted" | undefined {
  const scan = new Scan(line);
  let name = scan.take(NAME)?.[0];
  if (name !== undefined && wanted?.(name) === false) {
    return /[\s{]/.test(line[scan.at] ?? "") ? "unwanted" : undefined;
  }
  const labels = new Map<string, string>();
  if (line[scan.at] === "{" || scan.take(/\s+(?=\{)/y)) {
    scan.at++;
    if (name === undefined) {
      const quoted = scan.take(QUOTED_NAME)?.[1];
      if (quoted === undefined) return undefined;
      name = unescaped(quoted);
    }
    for (let label = scan.take(LABEL); label; label = scan.take(LABEL)) {
      const key = label[1]!;
      labels.set(key.startsWith('"') ? unescaped(key.slice(1, -1)) : key, unescaped(label[2]!));
    }
    if (!scan.take(CLOSE)) return undefined;
  } else if (!/\s/.test(line[scan.at] ?? "")) return undefined;
  const value = numberOf(scan.take(REST)?.[1]);
  if (name === undefined || value === undefined) return undefined;
  return wanted?.(name) === false ? "unwanted" : { name, labels, value };
}

/** Takes one pattern after another off a line. */
class Scan {
  readonly #line: string;
  at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#line);
    if (match) this.at = pattern.lastIndex;
    return match;
  }
}

/** A backslash before anything else stands for itself, as Prometheus' own Python reader has it. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\([\\"n])/g, (_, character: string) => (character === "n" ? "\n" : character));
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (DECIMAL.test(text)) return Number(text);
  if (/^[+]?inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY;
  return /^[+-]?nan$/i.test(text) ? Number.NaN : undefined;
}

/** Addresses that serve no metrics mostly answer with something else rather than with an error. */
function notMetrics(text: string): string | undefined {
  const start = text.trimStart();
  if (start.startsWith("<")) return "it is a page of HTML or XML";
  return /^(\{\s*("[^"]*"\s*:|\})|\[)/.test(start) ? "it is JSON" : undefined;
}

function excerpt(line: string): string {
  const cut = line.length <= MAX_EXCERPT ? line : `${line.slice(0, MAX_EXCERPT - 1).toWellFormed()}…`;
  return JSON.stringify(cut);
}

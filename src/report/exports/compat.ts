import { levelName } from "../../plan/plan.ts";
import type { RequestRecord } from "../../record/record.ts";
import { terminalText } from "../escape.ts";
import { formatCount, formatRate } from "../format.ts";
import { textTable, wrapWords } from "../text/table.ts";
import { AIPERF } from "./aiperf.ts";
import type {
  CompatDefinition,
  CompatFigureDefinition,
  CompatStatistics,
  CompatTotals,
} from "./compat-definition.ts";
import { GUIDELLM } from "./guidellm.ts";
import { recordsByLevel, Span } from "./records-by-level.ts";
import { Samples } from "./samples.ts";

/**
 * Figures by another tool's words and definitions, beside ours and never in their place: the same stamps
 * give different numbers, and whoever moves from that tool wants to see which of the two has changed.
 */
export const COMPAT_TOOLS = ["guidellm", "aiperf"] as const;
export type CompatTool = (typeof COMPAT_TOOLS)[number];

export interface CompatFigures {
  readonly tool: CompatTool;
  readonly levels: readonly CompatLevel[];
}

export interface CompatLevel {
  readonly name: string;
  readonly figures: readonly CompatFigure[];
}

export interface CompatFigure {
  readonly name: string;
  readonly unit: string;
  readonly formula: string;
  readonly statistics?: CompatStatistics;
  readonly total?: number;
}

const DEFINITIONS: Readonly<Record<CompatTool, CompatDefinition>> = { guidellm: GUIDELLM, aiperf: AIPERF };

/** The figures of every level of a records file. @throws GoodputError RESULT_UNREADABLE. */
export async function readCompatFigures(recordsPath: string, tool: CompatTool): Promise<CompatFigures> {
  const { levels } = await recordsByLevel(recordsPath, () => new CompatFold(tool));
  return {
    tool,
    levels: levels.map(({ index, level, fold }) => ({
      name: level === undefined ? `level ${index + 1}` : levelName(level),
      figures: fold.finish(),
    })),
  };
}

/** The figures of one level's requests. */
export async function compatFigures(
  records: AsyncIterable<RequestRecord> | Iterable<RequestRecord>,
  tool: CompatTool,
): Promise<readonly CompatFigure[]> {
  const fold = new CompatFold(tool);
  for await (const record of records) if (record.side === undefined) fold.add(record);
  return fold.finish();
}

/** As a section of the text report. */
export function renderCompat({ tool, levels }: CompatFigures, { width = 110 } = {}): string {
  const { title, note } = DEFINITIONS[tool];
  const columns = [
    { head: "Figure" },
    { head: "Unit" },
    ...["mean", "std", "p50", "p90", "p95", "p99"].map((head) => ({ head, align: "right" as const })),
    { head: "Formula", wrap: true },
  ];
  const tables = levels.flatMap(({ name, figures }) => [
    "",
    `  ${terminalText(name, 60)}`,
    ...textTable(columns, figures.map(row), { width: width - 2 }).map((line) => `  ${line}`),
  ]);
  return `${[`In the words of ${title}`, ...wrapWords(note, width - 2).map((line) => `  ${line}`), ...tables].join("\n")}\n`;
}

function row({ name, unit, formula, statistics, total }: CompatFigure): readonly string[] {
  const { mean, std, p50, p90, p95, p99 } = statistics ?? { mean: total };
  const cells = [mean, std, p50, p90, p95, p99].map((value) =>
    unit === "requests" ? formatCount(value) : formatRate(value),
  );
  // A total has one figure; dashes beside it would say that the others failed.
  return [name, unit, ...(statistics === undefined ? [cells[0]!, "", "", "", "", ""] : cells), formula];
}

class CompatFold {
  readonly #definitions: readonly CompatFigureDefinition[];
  readonly #samples: readonly Samples[];
  #completed = 0;
  #failed = 0;
  #inputTokens = 0;
  #outputTokens = 0;
  readonly #span = new Span();

  constructor(tool: CompatTool) {
    this.#definitions = DEFINITIONS[tool].figures;
    this.#samples = this.#definitions.map(() => new Samples());
  }

  begin(): void {
    this.#span.begin();
  }

  add(record: RequestRecord): void {
    if (record.outcome === "failed") this.#failed++;
    if (record.outcome !== "completed") return;
    this.#completed++;
    this.#inputTokens += record.inputTokens ?? 0;
    this.#outputTokens += record.outputTokens;
    this.#span.add(record.issued, record.end);
    const first = record.outputs[0];
    if (first === undefined) return;
    const request = { ...record, first, last: record.outputs.at(-1)! };
    for (const [i, definition] of this.#definitions.entries()) {
      const samples = this.#samples[i]!;
      if ("values" in definition) definition.values(request, (value, weight) => samples.add(value, weight));
    }
  }

  finish(): readonly CompatFigure[] {
    const totals: CompatTotals = {
      completed: this.#completed,
      failed: this.#failed,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      seconds: this.#span.seconds,
    };
    return this.#definitions.map((definition, i) => {
      const { name, unit, formula } = definition;
      if ("values" in definition) {
        return { name, unit, formula, statistics: definition.statistics(this.#samples[i]!) };
      }
      const total = definition.total(totals);
      return { name, unit, formula, ...(total !== undefined && { total }) };
    });
  }
}

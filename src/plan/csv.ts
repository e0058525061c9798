import { ConfigError } from "../errors.ts";

/** A record of a CSV file, its cells by the header's names, in lower case. */
export interface CsvRow {
  /** "line 12": where it begins, since a quoted cell may go over several. */
  readonly where: string;
  readonly cells: ReadonlyMap<string, string>;
}

/**
 * RFC 4180: cells apart by commas, records by CRLF (LF and CR are read too), quotes around what has either,
 * and "" for a quote inside. The first record names the columns; empty lines are passed over.
 * @throws ConfigError naming the file and the line.
 */
export function parseCsv(
  path: string,
  text: string,
): { readonly columns: string[]; readonly rows: CsvRow[] } {
  const [header, ...records] = [...csvRecords(path, text)];
  const columns = header?.cells.map((name) => name.trim().toLowerCase()) ?? [];
  const rows = records.map(({ line, cells }) => {
    if (cells.length !== columns.length) {
      throw at(
        path,
        line,
        `has ${cells.length} cells where the header has ${columns.length}; a cell with a comma or a new line needs quotes around it.`,
      );
    }
    return { where: `line ${line}`, cells: new Map(columns.map((name, i) => [name, cells[i]!])) };
  });
  return { columns, rows };
}

function* csvRecords(path: string, text: string): Generator<{ line: number; cells: string[] }> {
  const plainCell = /[^,\r\n]*/y;
  const cellEnd = /,|\r\n|\n|\r|$/y;
  let line = 1;
  let begins = line;
  let cells: string[] = [];
  for (let next = 0; next < text.length || cells.length > 0; ) {
    let cell: string;
    if (text[next] === '"') {
      const end = closingQuote(text, next);
      if (end === -1) throw at(path, line, "opens a quote that nothing closes.");
      cell = text.slice(next + 1, end).replaceAll('""', '"');
      next = end + 1;
      line += cell.split("\n").length - 1;
    } else {
      plainCell.lastIndex = next;
      cell = plainCell.exec(text)![0];
      next += cell.length;
    }
    cells.push(cell);
    cellEnd.lastIndex = next;
    const end = cellEnd.exec(text)?.[0];
    if (end === undefined)
      throw at(path, line, 'has text after a closing quote; a quote inside a cell is written as "".');
    next += end.length;
    if (end === ",") continue;
    if (cells.length > 1 || cell !== "") yield { line: begins, cells };
    line++;
    begins = line;
    cells = [];
  }
}

function closingQuote(text: string, opened: number): number {
  let end = text.indexOf('"', opened + 1);
  while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  return end;
}

function at(path: string, line: number, message: string): ConfigError {
  return new ConfigError([{ field: `${path} line ${line}`, message }]);
}

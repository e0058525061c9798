/** One instruction of a Dockerfile. */
export interface Instruction {
  /** In capitals. */
  readonly keyword: string;
  /** What stands before the arguments, such as `from` of `COPY --from=build`. */
  readonly flags: Readonly<Record<string, string>>;
  /** Everything after them, with continued lines joined. */
  readonly text: string;
  /** The arguments where they are written as a JSON list. */
  readonly list: readonly string[] | undefined;
  readonly line: number;
}

/** What is built on one `FROM`. */
export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** Build arguments that come before the first stage, with their values. */
  readonly args: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

/** Reads the part of the format that this project's own Dockerfile is written in; throws for what is not part of it. */
export function parseDockerfile(
  source: string,
  buildArgs: Readonly<Record<string, string>> = {},
): Dockerfile {
  const args = new Map<string, string>();
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(source)) {
    const { keyword, text, line } = instruction;
    const stage = stages.at(-1);
    if (keyword === "FROM") {
      const [base = "", as, name] = text.split(/\s+/);
      if (as !== undefined && as.toUpperCase() !== "AS") throw new SyntaxError(`line ${line}: not a FROM`);
      stages.push({ name: name ?? String(stages.length), base: expand(base, args), instructions: [] });
    } else if (stage !== undefined) stage.instructions.push(instruction);
    else if (keyword === "ARG") {
      const [name = "", value = ""] = text.split("=", 2);
      args.set(name, buildArgs[name] ?? value);
    } else throw new SyntaxError(`line ${line}: ${keyword} before the first FROM`);
  }
  return { args, stages };
}

/** Puts values in the place of `${NAME}` and `$NAME`; what has none is left as it is. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (all, braced, bare) => values.get(braced ?? bare) ?? all);
}

/** The stages that the last one needs, in their order; all others are not built. */
export function neededStages({ stages }: Dockerfile): Stage[] {
  const needed = new Set<Stage>();
  const need = (name: string | undefined) => {
    const stage = stages.find((stage) => stage.name === name);
    if (stage === undefined || needed.has(stage)) return;
    needed.add(stage);
    need(stage.base);
    for (const { keyword, flags } of stage.instructions) if (keyword === "COPY") need(flags.from);
  };
  need(stages.at(-1)?.name);
  return stages.filter((stage) => needed.has(stage));
}

const KEYWORDS = /^(FROM|ARG|ENV|WORKDIR|COPY|RUN|USER|EXPOSE|VOLUME|HEALTHCHECK|CMD|LABEL)$/;

function* instructionsOf(source: string): Generator<Instruction> {
  let text = "";
  let start = 0;
  for (const [index, raw] of source.split("\n").entries()) {
    if (/^\s*(#.*)?$/.test(raw)) continue;
    if (text === "") start = index + 1;
    const continued = raw.endsWith("\\");
    text += continued ? `${raw.slice(0, -1).trim()} ` : raw.trim();
    if (continued) continue;
    yield instructionOf(text, start);
    text = "";
  }
  if (text !== "") throw new SyntaxError(`line ${start}: the instruction goes on past the end of the file`);
}

function instructionOf(whole: string, line: number): Instruction {
  const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/s.exec(whole) ?? [];
  const keyword = word.toUpperCase();
  if (!KEYWORDS.test(keyword))
    throw new SyntaxError(`line ${line}: ${word} is no instruction that is known here`);
  const flags: Record<string, string> = {};
  let text = rest;
  for (;;) {
    const flag = /^--([\w-]+)=(\S+)\s*/.exec(text);
    if (flag === null) break;
    flags[flag[1]!] = flag[2]!;
    text = text.slice(flag[0].length);
  }
  return { keyword, flags, text, list: listOf(text), line };
}

function listOf(text: string): readonly string[] | undefined {
  const json = text.slice(text.indexOf("["));
  if (!/^(CMD\s+)?\[/.test(text)) return undefined;
  return JSON.parse(json) as string[];
}

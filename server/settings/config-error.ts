/** Mistakes in the environment, all of them in one message. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "ConfigError";
    this.mistakes = mistakes;
  }
}

/** What may be read of the environment; `process.env` is one. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** True, false, or undefined where nothing is said; anything else is a mistake. */
export function readSwitch(name: string, text: string | undefined, mistakes: string[]): boolean | undefined {
  const value = text?.trim().toLowerCase() ?? "";
  if (value === "") return undefined;
  if (["1", "true", "yes", "on"].includes(value)) return true;
  if (["0", "false", "no", "off"].includes(value)) return false;
  mistakes.push(`${name}: ${JSON.stringify(text)} is neither on nor off.`);
  return undefined;
}

/** The parts of a list, whatever separates them. */
export function readList(text: string | undefined): readonly string[] {
  return text?.split(/[\s,]+/).filter((part) => part !== "") ?? [];
}

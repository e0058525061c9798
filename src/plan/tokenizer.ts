import { dirname, join } from "node:path";
import { ConfigError, GoodputError } from "../errors.ts";
import { readInput } from "./input-file.ts";

/** Counts tokens as a model's own vocabulary does. */
export interface Tokenizer {
  /** Of the text alone, without what a chat template puts around it. */
  count(text: string): number;
}

/**
 * Reads a model's `tokenizer.json` (Hugging Face's format), and the `tokenizer_config.json` beside it where
 * there is one. The library is loaded here and not before: most runs need none.
 * @throws ConfigError when the file is no tokenizer; GoodputError when the library is not installed.
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const description = parseJson(path, await readInput(path));
  const settings = await settingsBeside(path);
  const { Tokenizer } = await loadLibrary();
  try {
    const tokenizer = new Tokenizer(description, settings);
    const count = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids.length;
    // Some parts are looked at for the first time when there is text.
    count("The quick brown fox");
    return { count };
  } catch (error) {
    const message = `is no tokenizer.json that can be used: ${(error as Error).message}`;
    throw new ConfigError([{ field: path, message }]);
  }
}

async function loadLibrary() {
  try {
    return await import("@huggingface/tokenizers");
  } catch (cause) {
    throw new GoodputError("CONFIG_INVALID", "A tokenizer file needs the package @huggingface/tokenizers.", {
      hint: "Install it with `npm install @huggingface/tokenizers`, or leave the tokenizer out: a common word then stands for a token.",
      cause,
    });
  }
}

async function settingsBeside(path: string): Promise<object> {
  const beside = join(dirname(path), "tokenizer_config.json");
  const bytes = await readInput(beside).catch(() => undefined);
  return bytes === undefined ? {} : parseJson(beside, bytes);
}

function parseJson(path: string, bytes: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new ConfigError([{ field: path, message: `is not JSON: ${(error as Error).message}` }]);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new ConfigError([
    { field: path, message: "should hold an object, as a model's tokenizer.json does." },
  ]);
}

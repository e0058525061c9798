/**
 * Loads one damaged model after the other and writes a line about each: a process of its own, so that whoever
 * reads the lines also learns of the file that ended it. Takes the file of damages and the path to write models to.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { builtinModel } from "../../server/inference/builtin-model.ts";
import type { Inference } from "../../server/inference/inference.ts";
import { loadInference } from "../../server/inference/llama-inference.ts";
import { ModelError } from "../../server/inference/model-error.ts";

/** Bytes that are written over the good model's, after which it is cut. */
export interface Damage {
  readonly bytes: readonly (readonly [position: number, value: number])[];
  readonly length: number;
}

/** What became of one: it works, it was refused with a sentence, or it ended in a way nobody meant. */
export type Outcome =
  | { readonly kind: "works" }
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  | { readonly kind: "odd"; readonly message: string };

if (process.argv[1] === import.meta.filename) {
  const [, , damagesPath = "", modelPath = ""] = process.argv;
  const good = builtinModel(1);
  for (const damage of JSON.parse(readFileSync(damagesPath, "utf8")) as Damage[]) {
    const bytes = Buffer.from(good.subarray(0, damage.length));
    for (const [position, value] of damage.bytes) bytes[position] = value;
    writeFileSync(modelPath, bytes);
    process.stdout.write(`@${JSON.stringify(await outcomeOf(modelPath))}\n`);
  }
}

async function outcomeOf(path: string): Promise<Outcome> {
  const options = { slots: 1, contextSize: 128, queueLimit: 1, threads: 1, gpu: false } as const;
  try {
    const inference = await loadInference({ ...options, source: { kind: "file", path } });
    await generateFour(inference);
    await inference.close();
    return { kind: "works" };
  } catch (error) {
    if (error instanceof ModelError) return { kind: "refused", code: error.code, message: error.message };
    return { kind: "odd", message: String(error) };
  }
}

function generateFour(inference: Inference): Promise<void> {
  const request = { maxTokens: 4, temperature: 0, topP: 1, topK: 0, seed: 1, stop: [], ignoreEnd: true };
  return new Promise((resolve) => {
    inference.generate(
      { ...request, prompt: inference.textPrompt("Hello there") },
      // A damaged model may fail in the middle of an answer: one request, and no process, is lost by it.
      { onToken: () => {}, onEnd: () => resolve(), onError: () => resolve() },
    );
  });
}

import { grammarTables } from "./builtin/grammar-tables.ts";
import { CONTROL_TOKENS, modelMetadata } from "./builtin/model-metadata.ts";
import { type BuiltinModelId, MODEL_SHAPES } from "./builtin/model-shapes.ts";
import { randomNumbers } from "./builtin/random-numbers.ts";
import { parameterCount, type TensorPlan, tensorLayout } from "./builtin/tensor-layout.ts";
import { PROMPT_WORDS, WORDS } from "./builtin-grammar.ts";
import { type BytePairVocabulary, learnVocabulary } from "./byte-pair-vocabulary.ts";
import { type GgufFile, layOutGguf } from "./gguf-writer.ts";

/** The name the default built-in model is served under. */
export const BUILTIN_MODEL_NAME = MODEL_SHAPES.qwen3.name;

/**
 * A complete model as a GGUF file, the same bytes per seed; the default one is a Qwen3 of 1.5 million parameters.
 * Its layers are random and its head holds a table of which word follows which, so what it says
 * reads like sentences and means nothing: it is there to give an inference server real work.
 */
export function builtinModel(seed: number, id: BuiltinModelId = "qwen3"): Buffer {
  return Buffer.concat([...builtinModelFile(seed, id).pieces()]);
}

/** The same, one tensor at a time, for models that are better not held in memory as a whole. */
export function builtinModelFile(seed: number, id: BuiltinModelId): GgufFile {
  const shape = MODEL_SHAPES[id];
  const vocabulary = builtinVocabulary();
  const tokens = [...vocabulary.tokens, ...CONTROL_TOKENS];
  const layout = tensorLayout(shape, tokens.length);
  const metadata = modelMetadata(shape, vocabulary, parameterCount(layout));
  return layOutGguf(metadata, layout, function* () {
    const tables = grammarTables(tokens, CONTROL_TOKENS, shape.width);
    const fillRandomly = randomNumbers(seed);
    for (const { shape, fill } of layout) {
      if (fill.kind !== "random") {
        yield tables[fill.kind];
        continue;
      }
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
      fillRandomly(values, fill.mean, fill.deviation);
      yield values;
    }
  });
}

/** The tensors of a built-in model, without their values. */
export function builtinModelLayout(id: BuiltinModelId): TensorPlan[] {
  return tensorLayout(MODEL_SHAPES[id], builtinVocabulary().tokens.length + CONTROL_TOKENS.length);
}

/** Every word of the grammar is one token, and so are frequent words of prompts. */
function builtinVocabulary(): BytePairVocabulary {
  return learnVocabulary([...Object.values(WORDS).flat(), ...PROMPT_WORDS]);
}

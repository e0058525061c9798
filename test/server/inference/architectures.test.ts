import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BUILTIN_MODEL_IDS,
  type BuiltinModelId,
  MODEL_SHAPES,
} from "../../../server/inference/builtin/model-shapes.ts";
import { parameterCount } from "../../../server/inference/builtin/tensor-layout.ts";
import {
  builtinModel,
  builtinModelFile,
  builtinModelLayout,
} from "../../../server/inference/builtin-model.ts";
import type { GenerationEnd, Inference } from "../../../server/inference/inference.ts";
import { loadInference } from "../../../server/inference/llama-inference.ts";
import { modelSource } from "../../../server/inference/model-file.ts";

const tiny = BUILTIN_MODEL_IDS.filter((id) => MODEL_SHAPES[id].tiny);

const load = (id: BuiltinModelId): Promise<Inference> =>
  loadInference({
    source: modelSource(`builtin:${id}`),
    slots: 2,
    contextSize: 512,
    queueLimit: 8,
    threads: 1,
    gpu: false,
  });

function answer(inference: Inference, temperature: number): Promise<GenerationEnd & { text: string }> {
  const prompt = inference.chatPrompt([{ role: "user", content: "What is a latency objective?" }]);
  const request = {
    prompt,
    maxTokens: 48,
    temperature,
    topP: 1,
    topK: 0,
    seed: 7,
    stop: [],
    ignoreEnd: false,
  };
  let text = "";
  return new Promise((resolve, reject) => {
    inference.generate(request, {
      onToken: (piece) => {
        text += piece;
      },
      onEnd: (end) => resolve({ ...end, text }),
      onError: reject,
    });
  });
}

for (const id of tiny) {
  test(`${id} is loaded by llama.cpp and generates what is asked for`, async () => {
    const inference = await load(id);
    try {
      assert.equal(inference.model.name, `goodput-tiny-random-${id}`);
      assert.match(inference.model.description!, /random weights/);
      const greedy = await answer(inference, 0);
      const again = await answer(inference, 0);
      const sampled = await answer(inference, 0.8);
      for (const { reason, generatedTokens } of [greedy, again, sampled]) {
        assert.deepEqual([reason, generatedTokens], ["length", 48]);
      }
      assert.equal(greedy.text, again.text);
      assert.notEqual(greedy.text, sampled.text);
      // Sentences of the grammar and nothing else: the layers' noise stays below it.
      assert.match(sampled.text, /^[A-Z][a-z]+ [a-z ,]+\.[A-Za-z ,.\n]*$/);
    } finally {
      await inference.close();
    }
  });

  test(`${id} is the same bytes for the same seed, and as long as announced`, () => {
    const model = builtinModel(1, id);
    assert.ok(model.equals(builtinModel(1, id)));
    assert.ok(!model.equals(builtinModel(2, id)));
    assert.equal(model.length, builtinModelFile(1, id).sizeBytes);
    assert.ok(model.length < 10_000_000);
  });
}

test("Qwen3-Next has linear attention in three layers of four, and experts with a shared one in all", () => {
  const layersWith = (name: string) =>
    builtinModelLayout("qwen3next")
      .filter((tensor) => tensor.name.endsWith(`.${name}`))
      .map((tensor) => tensor.name.split(".")[1]);
  assert.deepEqual(layersWith("ssm_conv1d.weight"), ["0", "1", "2"]);
  assert.deepEqual(layersWith("attn_q.weight"), ["3"]);
  assert.deepEqual(layersWith("ffn_up_exps.weight"), ["0", "1", "2", "3"]);
  assert.deepEqual(layersWith("ffn_up_shexp.weight"), ["0", "1", "2", "3"]);
});

test("the model for measuring has 79 million parameters, two bytes each", () => {
  const parameters = parameterCount(builtinModelLayout("qwen3-80m"));
  assert.equal(parameters, 79_405_824);
  const { sizeBytes } = builtinModelFile(1, "qwen3-80m");
  assert.ok(sizeBytes > 2 * parameters && sizeBytes < 2.01 * parameters, `${sizeBytes} bytes`);
});

test("equal requests that Qwen3-Next answers side by side get the same answer", async () => {
  const inference = await load("qwen3next");
  try {
    const alone = await answer(inference, 0);
    const together = await Promise.all([answer(inference, 0), answer(inference, 0)]);
    assert.deepEqual(
      together.map(({ text }) => text),
      [alone.text, alone.text],
    );
  } finally {
    await inference.close();
  }
});

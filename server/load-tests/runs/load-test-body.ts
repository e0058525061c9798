import { z } from "zod";

/** The words of the API for what the engine calls a protocol; engines that speak OpenAI's are named too. */
export const ADAPTERS = {
  openai: "openai-chat",
  vllm: "openai-chat",
  sglang: "openai-chat",
  "openai-chat": "openai-chat",
  "openai-completions": "openai-completions",
  "openai-responses": "openai-responses",
  "openai-embeddings": "openai-embeddings",
  triton: "triton",
  tgi: "tgi",
  ollama: "ollama",
  inference: "inference",
} as const;
export type Adapter = keyof typeof ADAPTERS;

const ADAPTER_NAMES = Object.keys(ADAPTERS) as [Adapter, ...Adapter[]];

const whole = (least: number) => {
  const error = `must be a whole number from ${least} on`;
  return z.number({ error }).int({ error }).min(least, { error });
};
const above0 = (unit: string) => {
  const error = `must be a number of ${unit} above 0`;
  return z.number({ error }).positive({ error });
};
const flag = () => z.boolean({ error: "must be true or false" });
const text = () => z.string({ error: "must be a text" });
const object = { error: "must be an object" };

export const goodputThresholds = z
  .looseObject(
    {
      ttft_ms: above0("milliseconds").nullish(),
      tpot_ms: above0("milliseconds").nullish(),
      e2e_ms: above0("milliseconds").nullish(),
    },
    object,
  )
  .meta({ description: "A request is good when it completed and kept all that are given." });

const toleranceError = { error: "must be a number from 0 to 1" };
export const validationConfig = z
  .looseObject(
    {
      enabled: flag().default(false),
      container_name: text()
        .nullish()
        .meta({ description: "Whose log is read; found by its port otherwise." }),
      tolerance: z
        .number(toleranceError)
        .min(0, toleranceError)
        .max(1, toleranceError)
        .default(0.05)
        .meta({ description: "Share by which client and server may differ." }),
      docker_enabled: flag().default(true),
    },
    object,
  )
  .meta({ description: "Compares what was measured with what the server itself counted." });

/** The same under the names of the older form of the body. */
export const NESTED = {
  concurrency_levels: "concurrency",
  num_requests: "num_prompts",
  max_input_tokens: "input_len",
  max_output_tokens: "output_len",
} as const;

const levels = () =>
  z.array(whole(1), { error: "must be a list of whole numbers, for example [1, 10, 50]" }).min(1, {
    error: "must have at least one level",
  });

export const loadTestBody = z
  .looseObject({
    server_url: text()
      .refine(isTarget, "must be an http or https URL without user and password")
      .meta({ description: "The server to test: http://host, or http://host/v1." }),
    model: text()
      .refine((name) => name.trim() !== "", "must not be empty")
      .meta({ description: "The name that requests ask for." }),
    adapter: z
      .enum(ADAPTER_NAMES, { error: `must be one of ${ADAPTER_NAMES.join(", ")}` })
      .default("openai")
      .meta({ description: "What the server speaks." }),
    concurrency: levels()
      .default([1])
      .meta({ description: "Requests in flight, a level each, run in this order." }),
    num_prompts: whole(1)
      .optional()
      .meta({ description: "Requests per level, 100 unless a duration is given." }),
    input_len: whole(1).default(256).meta({ description: "Tokens per prompt." }),
    output_len: whole(1).default(128).meta({ description: "Most tokens per answer." }),
    stream: flag().default(true),
    warmup: whole(0).default(3).meta({ description: "Requests before each level that are in no figure." }),
    prompt_cache: z.enum(["cold", "warm"], { error: "must be cold or warm" }).default("cold").meta({
      description: "Cold: prompts begin as no earlier run's do; warm: they are the same in every run.",
    }),
    timeout: above0("seconds").default(120).meta({ description: "Seconds one request may take." }),
    api_key: text().nullish().meta({ description: "For the server; never stored or returned." }),
    goodput_thresholds: goodputThresholds.nullish(),
    validation_config: validationConfig.nullish(),
    duration_seconds: whole(1).nullish().meta({ description: "Seconds each level lasts at most." }),
    framework: text().nullish().meta({ description: "Kept with the run: vllm, sglang, …" }),
    framework_config: z.record(z.string(), z.unknown(), object).nullish(),
    vllm_config: z.record(z.string(), z.unknown(), object).nullish(),
    config: z
      .looseObject(
        {
          concurrency_levels: levels().optional(),
          num_requests: whole(1).optional(),
          max_input_tokens: whole(1).optional(),
          max_output_tokens: whole(1).optional(),
        },
        object,
      )
      .nullish()
      .meta({ description: "The same settings under other names; one that is given twice must agree." }),
  })
  .meta({ description: "A load test: which server, how much load, how long." });

export type LoadTestBody = z.output<typeof loadTestBody>;

function isTarget(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

import { get, post } from "./api.js";
import { h, route } from "./dom.js";
import { formOf } from "./form.js";

export const ADAPTERS = [
  "openai",
  "openai-completions",
  "openai-responses",
  "vllm",
  "sglang",
  "triton",
  "tgi",
  "ollama",
];

/** @param {import("./app.js").Page} page */
export async function newRunView({ main, query, signal }) {
  const before = query.get("from");
  const run =
    before === null ? undefined : await get(`/api/v1/benchmark/run/${encodeURIComponent(before)}`, signal);
  main.append(
    h("h1", {}, "New run"),
    h(
      "p",
      { class: "lead" },
      "Sends requests at each level of concurrency in turn, and measures what comes back. Runs wait for each other.",
    ),
    formOf({
      groups: groups(run),
      submit: "Start the run",
      async send(body) {
        const { run_id: id, warnings = [] } = await post("/api/v1/benchmark/run", asked(body));
        // The answer is the only one that has them.
        if (warnings.length > 0) sessionStorage.setItem(`goodput.warnings.${id}`, JSON.stringify(warnings));
        location.hash = route("run", id);
      },
    }),
  );
}

/**
 * What is off is left out, with all that belongs to it.
 * @param {Record<string, any>} body
 */
function asked({ validation_config: validation, ...body }) {
  return validation?.enabled ? { ...body, validation_config: validation } : body;
}

/** @param {any} run one to do again */
function groups(run) {
  const { config = {} } = run ?? {};
  const timed = config.duration_seconds !== undefined;
  return [
    {
      title: "Target",
      fields: [
        {
          name: "server_url",
          label: "Server URL",
          kind: /** @type {const} */ ("text"),
          value: run?.server_url ?? "http://localhost:8000",
          hint: "http://host:port, with or without /v1.",
          required: true,
          wide: true,
        },
        {
          name: "model",
          label: "Model",
          kind: /** @type {const} */ ("text"),
          value: run?.model,
          hint: "As the server names it.",
          required: true,
        },
        {
          name: "adapter",
          label: "API",
          kind: /** @type {const} */ ("choice"),
          choices:
            run === undefined || ADAPTERS.includes(run.adapter) ? ADAPTERS : [run.adapter, ...ADAPTERS],
          value: run?.adapter ?? "openai",
        },
        {
          name: "api_key",
          label: "Key of the target",
          kind: /** @type {const} */ ("password"),
          hint: "Sent to the target alone; never stored.",
        },
      ],
    },
    {
      title: "Load",
      fields: [
        {
          name: "concurrency",
          label: "Concurrency",
          kind: /** @type {const} */ ("levels"),
          value: config.concurrency ?? [1, 2, 4, 8, 16, 32],
          hint: "Requests in flight, one level after the other.",
          wide: true,
        },
        {
          name: "num_prompts",
          label: "Requests per level",
          kind: /** @type {const} */ ("whole"),
          value: config.num_prompts ?? (timed ? undefined : 100),
        },
        {
          name: "duration_seconds",
          label: "Longest time per level",
          unit: "s",
          kind: /** @type {const} */ ("whole"),
          value: config.duration_seconds,
          hint: "Empty: until all requests are done.",
        },
        {
          name: "input_len",
          label: "Prompt",
          unit: "tokens",
          kind: /** @type {const} */ ("whole"),
          value: config.input_len ?? 256,
        },
        {
          name: "output_len",
          label: "Answer, at most",
          unit: "tokens",
          kind: /** @type {const} */ ("whole"),
          value: config.output_len ?? 128,
        },
        {
          name: "warmup",
          label: "Warm-up",
          unit: "requests",
          kind: /** @type {const} */ ("whole"),
          value: config.warmup ?? 3,
          hint: "Before each level; in no figure.",
        },
        {
          name: "timeout",
          label: "Timeout",
          unit: "s",
          kind: /** @type {const} */ ("number"),
          value: config.timeout ?? 120,
        },
        {
          name: "stream",
          label: "Stream the answers",
          kind: /** @type {const} */ ("flag"),
          value: config.stream ?? true,
          hint: "Without, there is no TTFT.",
        },
      ],
    },
    {
      title: "Goodput: a request is good when it keeps all of these",
      fields: [
        ["ttft_ms", "TTFT", 500],
        ["tpot_ms", "TPOT", 50],
        ["e2e_ms", "E2E", undefined],
      ].map(([name, label, value]) => ({
        name: `goodput_thresholds.${name}`,
        label: `${label} below`,
        unit: "ms",
        kind: /** @type {const} */ ("number"),
        value: run === undefined ? value : config.goodput_thresholds?.[/** @type {string} */ (name)],
      })),
    },
    {
      title: "Compare with the server's own counters",
      folded: config.validation_config?.enabled !== true,
      fields: [
        {
          name: "validation_config.enabled",
          label: "Compare after the run",
          kind: /** @type {const} */ ("flag"),
          value: config.validation_config?.enabled ?? false,
        },
        {
          name: "validation_config.tolerance",
          label: "Tolerance",
          unit: "share, 0 to 1",
          kind: /** @type {const} */ ("number"),
          value: config.validation_config?.tolerance ?? 0.05,
        },
        {
          name: "validation_config.container_name",
          label: "Container",
          kind: /** @type {const} */ ("text"),
          value: config.validation_config?.container_name,
          hint: "Empty: found by its port.",
        },
      ],
    },
  ];
}

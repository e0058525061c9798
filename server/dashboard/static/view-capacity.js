import { post } from "./api.js";
import { h, route } from "./dom.js";
import { formOf } from "./form.js";
import { ADAPTERS } from "./view-new-run.js";

/** @param {import("./app.js").Page} page */
export function capacityView({ main }) {
  main.append(
    h("h1", {}, "Capacity"),
    h(
      "p",
      { class: "lead" },
      "Finds the most concurrency at which this server keeps the objectives, and from that how many GPUs the peak takes: ",
      h("code", {}, "ceil(peak ÷ measured × (1 + headroom)) × GPUs measured"),
      ".",
    ),
    formOf({
      groups: GROUPS,
      submit: "Measure the capacity",
      async send(body) {
        const { run_id: id } = await post("/api/v1/benchmark/recommend", body);
        location.hash = route("run", id);
      },
    }),
  );
}

/** @type {Parameters<typeof formOf>[0]["groups"]} */
const GROUPS = [
  {
    title: "Target",
    fields: [
      {
        name: "server_url",
        label: "Server URL",
        kind: "text",
        value: "http://localhost:8000",
        hint: "http://host:port, with or without /v1.",
        required: true,
        wide: true,
      },
      { name: "model", label: "Model", kind: "text", hint: "As the server names it.", required: true },
      { name: "adapter", label: "API", kind: "choice", choices: ADAPTERS, value: "openai" },
      {
        name: "api_key",
        label: "Key of the target",
        kind: "password",
        hint: "Sent to the target alone; never stored.",
      },
    ],
  },
  {
    title: "Workload to be ready for",
    fields: [
      {
        name: "workload.peak_concurrency",
        label: "Peak concurrency",
        unit: "requests",
        kind: "whole",
        value: 500,
        required: true,
      },
      { name: "workload.avg_input_tokens", label: "Prompt", unit: "tokens", kind: "whole", value: 256 },
      { name: "workload.avg_output_tokens", label: "Answer", unit: "tokens", kind: "whole", value: 512 },
      { name: "headroom_percent", label: "Headroom", unit: "%", kind: "number", value: 20 },
    ],
  },
  {
    title: "Objectives",
    fields: [
      { name: "workload.ttft_target_ms", label: "TTFT below", unit: "ms", kind: "number", value: 500 },
      { name: "workload.tpot_target_ms", label: "TPOT below", unit: "ms", kind: "number", value: 50 },
      {
        name: "workload.goodput_target_percent",
        label: "Good requests, at least",
        unit: "%",
        kind: "number",
        value: 95,
      },
    ],
  },
  {
    title: "GPUs that are measured",
    folded: true,
    fields: [
      { name: "gpu_model", label: "GPU", kind: "text", hint: "Empty: from the server's metrics." },
      { name: "gpu_count", label: "How many", kind: "whole", hint: "All that serve this model together." },
      { name: "tensor_parallelism", label: "Tensor parallelism", kind: "whole" },
      { name: "gpu_hourly_usd", label: "Price of one", unit: "USD an hour", kind: "number" },
    ],
  },
  {
    title: "How it is measured",
    folded: true,
    fields: [
      {
        name: "test_config.concurrency_steps",
        label: "Concurrency",
        kind: "levels",
        value: [1, 10, 50, 100, 200],
        wide: true,
      },
      { name: "test_config.num_requests_per_step", label: "Requests per level", kind: "whole", value: 50 },
      {
        name: "warmup",
        label: "Warm-up",
        unit: "requests",
        kind: "whole",
        hint: "Empty: one for each request in flight.",
      },
      { name: "timeout", label: "Timeout", unit: "s", kind: "number", value: 120 },
    ],
  },
];

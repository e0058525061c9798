import { stream } from "./api.js";
import { fill, h } from "./dom.js";
import { prose } from "./prose.js";

/**
 * A report on a run, shown as it is written.
 * @param {string} runId
 * @param {AbortSignal} signal
 */
export function analysis(runId, signal) {
  const language = h(
    "select",
    { id: "analysis-language" },
    h("option", { value: "en" }, "English"),
    h("option", { value: "ko", selected: navigator.language.startsWith("ko") }, "한국어"),
  );
  const model = h("input", {
    id: "analysis-model",
    autocomplete: "off",
    placeholder: "none: from the figures alone",
  });
  const server = h("input", {
    id: "analysis-server",
    autocomplete: "off",
    placeholder: "the server of the run",
  });
  const thinks = h("input", { id: "analysis-thinks", type: "checkbox" });
  const output = h("div", { class: "report", "aria-live": "polite" });
  const button = h("button", { type: "submit" }, "Write the analysis");
  const form = h(
    "form",
    { class: "filters" },
    field("analysis-language", "Language", language),
    field("analysis-model", "Model that adds to it", model),
    field("analysis-server", "At", server),
    h("div", { class: "field flag" }, h("label", { for: "analysis-thinks" }, "It thinks first"), thinks),
    button,
  );
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    const search = new URLSearchParams({
      language: language.value,
      is_thinking_model: String(thinks.checked),
    });
    if (model.value.trim()) search.set("model", model.value.trim());
    if (server.value.trim()) search.set("server_url", server.value.trim());
    await write(`/api/v1/benchmark/result/${encodeURIComponent(runId)}/analysis?${search}`, output, signal);
    button.disabled = false;
  });
  return h("section", { class: "analysis" }, h("h2", {}, "Analysis"), form, output);
}

/**
 * @param {string} path
 * @param {HTMLElement} output
 * @param {AbortSignal} signal
 */
async function write(path, output, signal) {
  let text = "";
  const body = h("div", { class: "prose" });
  const thinking = h("pre");
  const thought = h("details", { hidden: true }, h("summary", {}, "What it thought"), thinking);
  fill(output, thought, body);
  let drawn = false;
  const draw = () => {
    drawn = false;
    fill(body, ...prose(text));
  };
  try {
    await stream(
      path,
      (data) => {
        if (data === "[DONE]") return;
        const { content, thinking: thoughts, error } = JSON.parse(data);
        if (typeof thoughts === "string") {
          thought.hidden = false;
          thinking.append(thoughts);
        }
        if (typeof content === "string") text += content;
        if (error !== undefined) output.append(problem(typeof error === "string" ? error : error.message));
        if (!drawn) requestAnimationFrame(draw);
        drawn = true;
      },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) output.append(problem(error instanceof Error ? error.message : String(error)));
  }
}

/** @param {string} text */
function problem(text) {
  return h("p", { class: "problem", role: "alert" }, `✕ ${text}`);
}

/** @param {string} id @param {string} label @param {HTMLElement} input */
function field(id, label, input) {
  return h("div", { class: "field" }, h("label", { for: id }, label), input);
}

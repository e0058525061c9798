import { ApiProblem } from "./api.js";
import { fill, h } from "./dom.js";
import { capacityView } from "./view-capacity.js";
import { compareView } from "./view-compare.js";
import { instanceView } from "./view-instance.js";
import { instancesView } from "./view-instances.js";
import { modelView } from "./view-model.js";
import { newRunView } from "./view-new-run.js";
import { runView } from "./view-run.js";
import { runsView } from "./view-runs.js";
import { workflowView } from "./view-workflow.js";
import { workflowsView } from "./view-workflows.js";

/**
 * A view fills the page and stops all it began when the signal says so.
 * @typedef {object} Page
 * @property {HTMLElement} main
 * @property {readonly string[]} path what stands behind the view's name
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal
 */

/** @type {Record<string, { title: string, show: (page: Page) => unknown }>} */
const VIEWS = {
  runs: { title: "Runs", show: runsView },
  new: { title: "New run", show: newRunView },
  run: { title: "Run", show: runView },
  compare: { title: "Compare", show: compareView },
  capacity: { title: "Capacity", show: capacityView },
  instances: { title: "Instances", show: instancesView },
  instance: { title: "Instance", show: instanceView },
  workflows: { title: "Workflows", show: workflowsView },
  workflow: { title: "Workflow", show: workflowView },
  model: { title: "Model", show: modelView },
};

/** Under which link a page of one thing belongs. @type {Record<string, string>} */
const WITHIN = { "": "runs", run: "runs", instance: "instances", workflow: "workflows" };

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
let leave = new AbortController();

/** @param {boolean} [first] */
async function show(first = false) {
  const { hash } = location;
  // A jump within the page is none to another view.
  if (hash !== "" && !hash.startsWith("#/")) return;
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const [address = "", search = ""] = hash.replace(/^#\//, "").split("?");
  const [name = "", ...path] = address.split("/").map(decoded);
  const view = VIEWS[name || "runs"];
  document.title = `${view?.title ?? "Nothing here"} · Goodput`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#/${WITHIN[name] ?? name}`) {
      link.setAttribute("aria-current", "page");
    } else link.removeAttribute("aria-current");
  }
  fill(main);
  try {
    if (view === undefined) fill(main, h("h1", {}, "Nothing here"), h("p", {}, "There is no such view."));
    else await view.show({ main, path, query: new URLSearchParams(search), signal });
  } catch (error) {
    if (signal.aborted) return;
    main.append(problem(error));
  }
  if (!first && !signal.aborted && document.activeElement === document.body)
    main.focus({ preventScroll: true });
}

/** @param {unknown} error */
function problem(error) {
  if (!(error instanceof ApiProblem)) console.error(error);
  const text = error instanceof Error ? error.message : String(error);
  return h("p", { class: "problem", role: "alert" }, `✕ ${text}`);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

addEventListener("hashchange", () => show());
show(true);

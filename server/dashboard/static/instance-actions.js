import { post, remove } from "./api.js";
import { fill, h, route } from "./dom.js";
import { formOf } from "./form.js";

/** What one can do about an instance. @param {any} instance */
export function instanceActions(instance) {
  const { instance_id: id } = instance;
  const workflow = startDialog(instance);
  const { dialog: sure, problem } = stopDialog(id);
  return [
    h(
      "div",
      { class: "actions" },
      h(
        "button",
        { type: "button", class: "primary", onclick: () => workflow.showModal() },
        "Start a workflow…",
      ),
      h(
        "a",
        { class: "button", href: `#/workflows?${new URLSearchParams({ instance_id: id })}` },
        "Its workflows",
      ),
      h("button", { type: "button", class: "danger", onclick: () => sure.showModal() }, "Stop watching…"),
    ),
    problem,
    sure,
    workflow,
  ];
}

/** @param {any} instance */
function startDialog({ instance_id: id, instance_type: type }) {
  const dialog = h("dialog", { "aria-labelledby": "start-title" });
  fill(
    dialog,
    h("h2", { id: "start-title" }, "Start a workflow"),
    h(
      "p",
      {},
      "An optimization looks for bottlenecks, advises, and once it is approved changes the instance and measures before and after, where the operator has told this server how; an analysis looks and advises only.",
    ),
    formOf({
      groups: [
        {
          title: "Workflow",
          fields: [
            {
              name: "workflow_type",
              label: "Kind",
              kind: "choice",
              choices: ["optimization", "analysis"],
              value: "optimization",
            },
            {
              name: "auto_approve",
              label: "Approve at once",
              kind: "flag",
              hint: "Nobody is asked before the instance is changed.",
            },
          ],
        },
      ],
      submit: "Start it",
      async send(body) {
        const { workflow_id: started } = await post("/api/v1/workflows", {
          ...body,
          instance_id: id,
          instance_type: type,
        });
        location.hash = route("workflow", started);
      },
    }),
    h("form", { method: "dialog" }, h("button", {}, "Cancel")),
  );
  return dialog;
}

/** @param {string} id */
function stopDialog(id) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const stop = async () => {
    try {
      await remove(`/api/v1/instances/${encodeURIComponent(id)}`);
      location.hash = "#/instances";
    } catch (error) {
      problem.hidden = false;
      problem.textContent = `✕ ${/** @type {Error} */ (error).message}`;
    }
  };
  const dialog = h(
    "dialog",
    { "aria-label": "Stop watching this instance" },
    h(
      "form",
      { method: "dialog" },
      h("h2", {}, "Stop watching this instance?"),
      h("p", {}, "All that was read of it goes with it. The instance itself is not touched."),
      h(
        "div",
        { class: "actions" },
        h("button", { class: "danger", onclick: stop }, "Stop watching it"),
        h("button", {}, "Keep watching it"),
      ),
    ),
  );
  return { dialog, problem };
}

import { post } from "./api.js";
import { fill, h } from "./dom.js";

/**
 * Asks for a decision.
 * @param {any} workflow
 * @param {() => Promise<unknown>} decided
 */
export function decision({ workflow_id: id, mode }, decided) {
  const who = h("input", { id: "decided-by", autocomplete: "name", placeholder: "operator" });
  const reason = h("input", { id: "decided-because", autocomplete: "off" });
  const problem = h("div", { role: "alert" });
  const buttons = [
    button("Approve", "primary", "approve", () => ({ approved_by: who.value.trim() || undefined })),
    button("Reject", "danger", "reject", () => ({
      rejected_by: who.value.trim() || undefined,
      reason: reason.value.trim() || undefined,
    })),
  ];

  /** @param {string} text @param {string} kind @param {string} action @param {() => object} body */
  function button(text, kind, action, body) {
    const send = async () => {
      fill(problem);
      for (const one of buttons) one.disabled = true;
      try {
        await post(`/api/v1/workflows/${encodeURIComponent(id)}/${action}`, body());
        await decided();
      } catch (error) {
        fill(problem, h("p", { class: "problem" }, `✕ ${/** @type {Error} */ (error).message}`));
      } finally {
        for (const one of buttons) one.disabled = false;
      }
    };
    return h("button", { type: "button", class: kind, onclick: send }, text);
  }

  return h(
    "section",
    { class: "decision", "aria-label": "Decision" },
    h("h2", {}, "It waits for a decision"),
    h(
      "p",
      {},
      mode === "advisory"
        ? "Approving changes nothing by itself: this server was not told how to change this instance."
        : "Once approved, the instance is measured, changed and measured again; what makes it worse is undone.",
    ),
    h(
      "div",
      { class: "fields" },
      field("decided-by", "Who decides", who),
      field("decided-because", "Reason, when it is rejected", reason),
    ),
    h("div", { class: "actions" }, ...buttons),
    problem,
  );
}

/** @param {string} id @param {string} label @param {HTMLElement} input */
function field(id, label, input) {
  return h("div", { class: "field" }, h("label", { for: id }, label), input);
}

import { h } from "./dom.js";

/**
 * Does something again and again until it says that nothing more will come, or the signal does.
 * @param {() => Promise<boolean>} load whether there is more to come
 * @param {number} everyMs
 * @param {AbortSignal} signal
 * @returns {HTMLElement} for what goes wrong meanwhile, since what stands on the page is then an old state
 */
export function refresh(load, everyMs, signal) {
  const note = h("p", { class: "note", role: "status", hidden: true });
  const again = () => {
    const timer = setTimeout(async () => {
      let more = true;
      try {
        more = await load();
        note.hidden = true;
      } catch (error) {
        if (signal.aborted) return;
        note.textContent = `! This page is not up to date: ${/** @type {Error} */ (error).message}`;
        note.hidden = false;
      }
      if (more && !signal.aborted) again();
    }, everyMs);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  };
  again();
  return note;
}

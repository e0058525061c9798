import { get } from "./api.js";
import { h } from "./dom.js";
import { duration, moment, NOTHING } from "./format.js";

const TICK_MS = 1_000;

/**
 * Times that are told by how long ago they were, and stay true while the page is open. By the server's clock,
 * which the browser's may not agree with.
 * @param {AbortSignal} signal
 */
export async function agos(signal) {
  const { timestamp } = await get("/api/v1/health", signal);
  const aheadMs = Date.parse(timestamp) - Date.now();
  const text = (/** @type {string} */ iso) => {
    const seconds = Math.max(0, Math.floor((Date.now() + aheadMs - Date.parse(iso)) / 1000));
    return `${seconds < 60 ? `${seconds} s` : duration(seconds)} ago`;
  };
  const timer = setInterval(() => {
    for (const element of document.querySelectorAll("time[data-ago]"))
      element.textContent = text(element.getAttribute("datetime") ?? "");
  }, TICK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return (/** @type {string | null | undefined} */ iso) =>
    iso
      ? h("time", { datetime: iso, "data-ago": true, title: moment(iso), class: "figure" }, text(iso))
      : NOTHING;
}

import { askForKey } from "./key-dialog.js";

const KEY = "goodput.api-key";

/** What the API refused, in its own words. */
export class ApiProblem extends Error {
  /**
   * @param {number} status
   * @param {{ code?: string, message?: string, details?: any }} error
   */
  constructor(status, error) {
    super(error.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = error.code;
    // Some routes tell of one mistake, with the others below it.
    const { details } = error;
    this.details = Array.isArray(details) ? details : details ? (details.mistakes ?? [details]) : [];
  }
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export function get(path, signal) {
  return request("GET", path, undefined, signal).then(({ body }) => body);
}

/**
 * With the status, where it says something.
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export function getWithStatus(path, signal) {
  return request("GET", path, undefined, signal);
}

/**
 * @param {string} path
 * @param {object} [body]
 */
export function post(path, body = {}) {
  return request("POST", path, body).then(({ body }) => body);
}

/** @param {string} path */
export function remove(path) {
  return request("DELETE", path).then(({ body }) => body);
}

/**
 * A stream of events, whose `data` is handed over as it comes.
 * @param {string} path
 * @param {(data: string) => void} onData
 * @param {AbortSignal} signal
 */
export async function stream(path, onData, signal) {
  const response = await fetch(path, { headers: headers(), signal });
  if (!response.ok || response.body === null) throw await problemOf(response);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
    rest = events.pop() ?? "";
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).replace(/^ /, ""));
      if (data.length > 0) onData(data.join("\n"));
    }
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ status: number, body: any }>}
 */
async function request(method, path, body, signal) {
  for (let wrongKey = false; ; wrongKey = true) {
    const response = await fetch(path, {
      method,
      headers: { ...headers(), ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch((error) => {
      if (signal?.aborted) throw error;
      throw new ApiProblem(0, { message: "The server does not answer. Is it still running?" });
    });
    if (response.ok) return { status: response.status, body: await response.json() };
    const problem = await problemOf(response);
    if (response.status !== 401) throw problem;
    const key = await askForKey(wrongKey || sessionStorage.getItem(KEY) !== null);
    if (key === undefined) throw problem;
    sessionStorage.setItem(KEY, key);
  }
}

/** For this tab only, and gone with it. */
function headers() {
  const key = sessionStorage.getItem(KEY);
  return { accept: "application/json", ...(key !== null && { "x-api-key": key }) };
}

/** @param {Response} response */
async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  // The health page tells what it has to tell with a status of its own.
  return Object.assign(new ApiProblem(response.status, body.error ?? {}), { body });
}

/**
 * Listens to a run until it ends or the signal says so; comes back after a broken connection, and is then told
 * how things stand.
 * @param {string} runId
 * @param {object} listener
 * @param {(message: any) => void} listener.message
 * @param {(state: "connected" | "waiting" | "unknown") => void} listener.connection
 * @param {AbortSignal} signal
 */
export function watch(runId, { message, connection }, signal) {
  const address = new URL(`/api/v1/benchmark/ws/run/${encodeURIComponent(runId)}`, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  let failures = 0;
  let over = false;
  /** @type {WebSocket | undefined} */
  let socket;
  /** @type {number | undefined} */
  let timer;

  const connect = () => {
    socket = new WebSocket(address);
    socket.addEventListener("message", ({ data }) => {
      // A run can end while nobody here is told; then this is what is left to say of it.
      failures = 0;
      connection("connected");
      const parsed = JSON.parse(data);
      over = ["completed", "failed", "cancelled"].includes(parsed.type);
      message(parsed);
    });
    socket.addEventListener("close", ({ code }) => {
      if (over || signal.aborted) return;
      if (code === UNKNOWN_RUN) {
        connection("unknown");
        return;
      }
      connection("waiting");
      timer = setTimeout(connect, Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures++));
    });
  };
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    socket?.close();
  });
  connect();
}

const UNKNOWN_RUN = 4404;
const SHORTEST_MS = 500;
const LONGEST_MS = 10_000;

/**
 * Changes the settings of a Goodput inference server and puts them back, as its operator's hook does: the settings
 * are a file beside the operator's, and the server is left running. With "keep-total" as its argument it shares one
 * context among all slots, as llama.cpp's own server does, so that each slot's becomes smaller.
 */
import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

const SETTINGS = "settings.json";
const PID = "server.pid";
const COMMAND = join(import.meta.dirname, "../../src/cli/bin.ts");

const { event, config_changes: changes, previous_config: previous } = JSON.parse(readFileSync(0, "utf8"));

switch (event) {
  case "read":
    process.stdout.write(readFileSync(SETTINGS, "utf8"));
    break;
  case "apply":
    await restart(changed(JSON.parse(readFileSync(SETTINGS, "utf8"))));
    break;
  case "rollback":
    await restart(previous);
    break;
  default:
    throw new Error(`There is nothing to do for ${event}.`);
}

/** Of what is advised this server has one setting; whatever else there may be is another engine's. */
function changed(settings) {
  const { max_batch_size: slots = settings.max_batch_size } = changes;
  const isShared = process.argv[2] === "keep-total";
  const total = settings.max_batch_size * settings.context_size;
  return { ...settings, max_batch_size: slots, ...(isShared && { context_size: total / slots }) };
}

async function restart(settings) {
  const { port, max_batch_size: slots, context_size: contextSize } = settings;
  put(JSON.stringify(settings), SETTINGS);
  await stop(port);
  const log = openSync("server.log", "a");
  // Whatever else the environment says is meant for somebody else.
  const { PATH, HOME, TMPDIR, NODE_COMPILE_CACHE } = process.env;
  const { pid } = spawn(process.execPath, [COMMAND, "serve", "--port", String(port), "--host", "127.0.0.1"], {
    // Nobody waits for it, and it outlives whoever has started it.
    detached: true,
    stdio: ["ignore", log, log],
    env: {
      PATH,
      HOME,
      TMPDIR,
      NODE_COMPILE_CACHE,
      SLOTS: String(slots),
      CONTEXT_SIZE: String(contextSize),
      // Measured at each start otherwise, so that more than the settings would change.
      THREADS: "1",
      GPU: "off",
      QUIET: "1",
      DATABASE_PATH: ":memory:",
    },
  });
  put(String(pid), PID);
  process.exit();
}

/** Returns once nobody answers, so that whoever answers then is the next one. */
async function stop(port) {
  if (!existsSync(PID)) return;
  try {
    process.kill(Number(readFileSync(PID, "utf8")), "SIGTERM");
  } catch {
    // It has ended by itself.
  }
  while (await answers(port)) await new Promise((resolve) => setTimeout(resolve, 20));
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Whole or not at all, wherever this is ended. */
function put(text, path) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/**
 * Changes the settings of a vLLM under Docker Compose and puts them back. Each event may come twice, or after one
 * that was cut off: what is done already is done again, to the same end.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const SETTINGS = "engine/vllm.yaml";
const { event, workflow_id: workflowId, engine_args: args } = JSON.parse(readFileSync(0, "utf8"));
const before = `engine/before-${workflowId}.yaml`;

try {
  carryOut();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

function carryOut() {
  switch (event) {
    case "read":
      return console.log(JSON.stringify(settingsIn(readFileSync(SETTINGS, "utf8"))));
    case "apply":
      // The first time only: the second time the change is there already.
      if (!existsSync(before)) put(readFileSync(SETTINGS, "utf8"), before);
      put(textOf({ ...settingsIn(readFileSync(before, "utf8")), ...settingsOf(args) }), SETTINGS);
      return restart();
    case "rollback":
      // Without it nothing was applied, and nothing is to be undone.
      if (!existsSync(before)) return;
      put(readFileSync(before, "utf8"), SETTINGS);
      return restart();
    default:
      throw new Error(`There is nothing to do for ${event}.`);
  }
}

/** Whole or not at all, wherever this is ended. */
function put(text, path) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** "max-num-seqs: 64" → { "max-num-seqs": 64 }, line by line. */
function settingsIn(text) {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([\w-]+):\s+(.+?)\s*$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`${SETTINGS}: ${JSON.stringify(line)} is no "flag: value".`);
      return [name, typed(value)];
    }),
  );
}

/** ["--max-num-seqs", "64", "--enable-x"] → { "max-num-seqs": 64, "enable-x": true }. */
function settingsOf(words) {
  const settings = {};
  for (const [index, word] of words.entries()) {
    if (!word.startsWith("--")) continue;
    const next = words[index + 1];
    // What looks like an object stays the text that the flag wants.
    settings[word.slice(2)] =
      next === undefined || next.startsWith("--") ? true : /^[[{]/.test(next) ? next : typed(next);
  }
  return settings;
}

/** Texts in quotes, which YAML reads as JSON does. */
function textOf(settings) {
  return Object.entries(settings)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join("");
}

function typed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The old container is gone when this returns, so that whoever answers then is the new one. */
function restart() {
  const words = ["compose", "up", "--detach", "--force-recreate", "--no-deps", "vllm"];
  // What it prints is no answer of ours, and belongs beside an error.
  execFileSync("docker", words, { stdio: ["ignore", 2, 2] });
}

/** The scripted server as a program: prints its URL, serves until it is killed. */
import { parseArgs } from "node:util";
import { startScriptedServer } from "../src/scripted-server.ts";

const { values } = parseArgs({
  options: {
    ttft: { type: "string", default: "50" },
    gap: { type: "string", default: "10" },
    port: { type: "string", default: "0" },
  },
});
const server = await startScriptedServer(
  { ttftMs: Number(values.ttft), gapMs: Number(values.gap) },
  Number(values.port),
);
console.log(server.url);
